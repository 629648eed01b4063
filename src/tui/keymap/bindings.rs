//! Every key of the console with its words: what the configuration may change, and what it changes.

use std::borrow::Cow;

use crossterm::event::KeyCode;

use super::{Action, Binding, Context, ctrl, key, named};

macro_rules! bindings {
    ($($context:ident: $action:ident [$($key:expr),+] $word:literal $help:literal $footer:literal;)+) => {
        &[$(Binding {
            action: Action::$action,
            context: Context::$context,
            keys: Cow::Borrowed(&[$($key),+]),
            word: $word,
            help: $help,
            footer: $footer,
        }),+]
    };
}

/// Every key of the console.
pub const BINDINGS: &[Binding] = bindings! {
    Everywhere: Fleet [key('1')] "fleet" "the fleet: what every host runs" 0;
    Everywhere: Plan [key('2')] "plan" "the plan: a version, its stages, who is left out" 0;
    Everywhere: Rollout [key('3')] "rollout" "the rollout that runs, or the one that was opened last" 0;
    Everywhere: History [key('4')] "history" "earlier rollouts" 0;
    Everywhere: NextScreen [named(KeyCode::Tab)] "next" "the next screen" 0;
    Everywhere: PreviousScreen [named(KeyCode::BackTab)] "previous" "the screen before" 0;
    Everywhere: Back [named(KeyCode::Esc)] "back" "one layer up; never out" 0;
    Everywhere: Menu [key('m')] "actions" "everything that can be done here, with the command line that does the same" 20;
    Everywhere: Command [key(':')] "command" "a command by its name, such as `soak 10m REASON` or `environment beta`; Tab completes" 0;
    Everywhere: Environment [key('E')] "environment" "another environment of the same configuration" 0;
    Everywhere: Log [key('l')] "log" "show or hide the log" 0;
    Everywhere: LogFull [key('L')] "full log" "the log on the full screen" 0;
    Everywhere: Follow [key('f')] "follow" "the log follows the selected host, or all again" 0;
    Everywhere: Write [key('w')] "write" "write what is shown to a file" 0;
    Everywhere: Help [key('?')] "help" "this help" 21;
    Everywhere: Redraw [ctrl('l')] "redraw" "draw everything anew" 0;
    Everywhere: Suspend [ctrl('z')] "suspend" "back to the shell; `fg` returns" 0;
    Everywhere: Quit [key('q'), ctrl('c')] "quit" "leave; asks while something runs" 0;
    Moves: Down [key('j'), named(KeyCode::Down)] "down" "one row down" 0;
    Moves: Up [key('k'), named(KeyCode::Up)] "up" "one row up" 0;
    Moves: First [key('g'), named(KeyCode::Home)] "first" "the first row" 0;
    Moves: Last [key('G'), named(KeyCode::End)] "last" "the last row" 0;
    Moves: PageDown [named(KeyCode::PageDown), ctrl('f')] "page down" "a page down" 0;
    Moves: PageUp [named(KeyCode::PageUp), ctrl('b')] "page up" "a page up" 0;
    Moves: HalfDown [ctrl('d')] "half down" "half a page down" 0;
    Moves: HalfUp [ctrl('u')] "half up" "half a page up" 0;
    Moves: Enter [named(KeyCode::Enter)] "open" "what is known of the row" 0;
    List: Mark [key(' ')] "mark" "mark the row, or unmark it" 0;
    List: MarkRange [key('v')] "range" "mark from here; `v` again marks up to there" 0;
    List: MarkAll [key('a')] "mark all" "mark all that are shown" 0;
    List: Unmark [key('A')] "unmark" "mark none" 0;
    List: Filter [key('/')] "filter" "text, `state:failed`, `site:eqiad`, `version:4.2`, `mw[01-10]`, `@api`; `!` inverts; of the history `by:`, `version:`, `outcome:`, `month:`, `for:`" 10;
    List: Sort [key('s')] "sort" "sort by the next column" 0;
    List: Reverse [key('S')] "reverse" "sort the other way round" 0;
    List: Copy [key('y')] "copy" "copy the host's name, or the command line of a row that is no host, in the menu too" 0;
    List: CopyFailure [key('Y')] "copy failure" "copy what went wrong with the host" 0;
    List: Group [key('b')] "group" "together by site, stage, version or state, each with its totals; Enter opens one" 0;
    List: Columns [key('C')] "columns" "choose the columns that are shown; the choice is kept" 0;
    Fleet: Install [key('i')] "install" "install a version on the marked hosts, on those that the filter shows, or on all" 1;
    Fleet: Survey [key('r')] "survey" "ask every host what it runs" 3;
    Fleet: Continue [key('c')] "resume" "go on with the rollout whose conductor died" 2;
    Fleet: Lock [key('F')] "lock" "freeze the environment for everybody, with a reason: nobody starts a rollout until it is unlocked" 0;
    Fleet: Unlock [key('U')] "unlock" "free the environment, whoever froze it" 4;
    Plan: Install [key('i')] "install" "start the rollout, after the number of its hosts was typed" 1;
    Plan: Reason [key('r')] "reason" "say why" 2;
    Plan: SkipUnreachable [key('u')] "skip unreachable" "leave hosts out that cannot be reached, or count them as failures" 0;
    Plan: OnFailure [key('o')] "on failure" "what follows when it must not go on: pause, rollback, abort" 0;
    Plan: NoSoak [key('z')] "no soak" "with or without the time that a stage must stay healthy" 0;
    Plan: PrimeOnly [key('P')] "prime only" "transfer everywhere and switch nowhere, or a whole rollout" 0;
    Plan: Compare [key('d')] "changes" "what differs between what hosts run and the version: commits, files, sizes" 11;
    Plan: Reload [key('R')] "plan anew" "make the plan again" 0;
    Rollout: Continue [key('c')] "continue" "go on after a pause, or promote a stage that waits for it" 1;
    Rollout: Pause [key('p')] "pause" "start no new host; those under way finish" 2;
    Rollout: Rollback [key('R')] "roll back" "put every switched host back to its last good release; when it is over, plan a rollback" 3;
    Rollout: Abort [key('x')] "abort" "end the rollout and leave every host as it stands" 4;
    Rollout: Soak [key('z')] "soak" "give the stage that soaks more or less time, or none, with a reason" 0;
    Rollout: Promote [key('P')] "promote" "promote the stage without the rest of its soak, with a reason; its gates have the last word" 0;
    Rollout: Hold [key('h')] "hold" "let nothing follow this stage until a person promotes it or continues, with a reason" 0;
    Rollout: Retry [key('t')] "retry" "try the marked hosts again, or all that failed" 0;
    Rollout: Skip [key('n')] "skip" "leave the marked hosts out, or the selected one" 0;
    Rollout: Failures [key('e')] "failures" "what went wrong, the same messages together" 5;
    Rollout: Debt [key('D')] "debt" "when it is over, plan what installs the good release on the hosts in debt" 6;
    Rollout: Compare [key('d')] "compare" "what differs between what hosts ran before it and what it installs" 0;
    Rollout: Report [key('W')] "report" "write a report of it to a file, in Markdown" 7;
    History: Reload [key('r')] "reload" "read the history anew" 2;
    History: Rollback [key('R')] "roll back" "plan a rollback to what the selected rollout installed" 3;
    History: Debt [key('D')] "debt" "plan what installs the good release on the hosts in debt" 0;
    History: Continue [key('c')] "resume" "go on with the selected rollout, whose conductor died" 1;
    History: Compare [key('d')] "compare" "what differs between the selected rollout's release and the one before" 11;
    History: Report [key('W')] "report" "write a report of the selected rollout to a file, in Markdown" 0;
    Host: Shell [key('!')] "shell" "a shell on it, as whom coalmine logs in; the console comes back when it ends" 1;
    Host: Survey [key('r')] "ask again" "ask it again what it runs and holds" 2;
    Host: Retry [key('t')] "retry" "try it again in the rollout that is open" 3;
    Host: Skip [key('n')] "skip" "leave it out of the rollout that is open" 4;
    Host: Depool [key('o')] "depool" "take it out of service by the site's command" 0;
    Host: Repool [key('O')] "repool" "take it back into service by the site's command" 0;
    Host: Bootstrap [key('B')] "bootstrap" "plan what catches it up with what its environment finalized last" 0;
    Host: Copy [key('y')] "copy" "copy its name" 0;
    Host: CopyFailure [key('Y')] "copy failure" "copy what went wrong with it" 0;
};
