use ratatui::layout::Rect;
use ratatui::text::Line;

use super::paint::{Cell, Column, Painter, Placed, Width, column, fit, number, plain, span, totals};
use super::{below, key_of, list_title};
use crate::model::{Commit, FailureClass};
use crate::plan::{LeftOutReason, PlanKind, Promote, StagePlan};
use crate::tui::app::{Answer, App, Layer, LeftOutGroup, LineKind, PlanTable, Screen, Side};
use crate::tui::keymap::Action;
use crate::tui::messages::{PlanGoal, Standing, VersionRow};
use crate::tui::rows::Table;
use crate::tui::theme::{Sign, Theme, Tone};
use crate::words::{self, Glyph, clean_line, count, day_and_time};

/// From how many columns on the versions stand beside the plan.
const WIDE: u16 = 110;
const PICKER: u16 = 46;
/// From how many columns on, and how wide, they tell commit and author beside it.
const WIDER: (u16, u16) = (160, 78);

const fn picker_width(body: Rect) -> u16 {
    if body.width >= WIDER.0 { WIDER.1 } else { PICKER }
}

/// Gives the versions, the summary of the plan, and its hosts; what has no room is empty.
pub(super) fn layout(state: &App, body: Rect) -> (Rect, Rect, Rect) {
    let nothing = Rect { height: 0, ..body };
    let (picker, plan) = if body.width >= WIDE {
        let width = picker_width(body);
        (Rect { width, ..body }, Rect { x: body.x + width, width: body.width - width, ..body })
    } else if state.planning.side == Side::Versions {
        (body, nothing)
    } else {
        (nothing, body)
    };
    if plan.height == 0 {
        return (picker, nothing, nothing);
    }
    let inner = if body.width >= WIDE { Rect { x: plan.x + 2, width: plan.width - 2, ..plan } } else { plan };
    let most = usize::from(inner.height).saturating_sub(5).max(3);
    let lines = summary(state, inner.width).len().min(most);
    let (summary, hosts) = below(inner, lines);
    (picker, summary, hosts)
}

#[derive(Debug, Clone, Copy)]
enum VersionId {
    Version,
    Commit,
    Author,
    Tagged,
    Standing,
    Built,
    Hosts,
    HeadOf,
}

const VERSIONS: [Column<VersionId>; 8] = [
    column(VersionId::Version, "version", Width::Rest(12), 0),
    column(VersionId::Standing, "state", Width::Fixed(9), 0),
    number(VersionId::Hosts, "hosts", 6, 1),
    column(VersionId::Tagged, "tagged", Width::Fixed(10), 2),
    column(VersionId::Built, "", Width::Fixed(5), 3),
    column(VersionId::Commit, "commit", Width::Fixed(12), 5),
    column(VersionId::Author, "author", Width::Fixed(16), 6),
    column(VersionId::HeadOf, "head of", Width::Fixed(16), 4),
];

fn version_cell(state: &App, row: &VersionRow, id: VersionId) -> Cell {
    let theme = state.settings.theme;
    match id {
        VersionId::Version => (row.version.to_string().into(), Tone::Strong),
        VersionId::Commit => (row.commit.as_ref().map_or("", Commit::short).to_owned().into(), Tone::Dim),
        VersionId::Author => (clean_line(&row.author).into_owned().into(), Tone::Dim),
        VersionId::Tagged => {
            let at = row.at.map(|at| day_and_time(at, &state.settings.zone)).unwrap_or_default();
            (at.split(' ').next().unwrap_or_default().to_owned().into(), Tone::Dim)
        }
        VersionId::Standing => match &row.standing {
            Standing::Untried => (format!("{} new", theme.glyph(Glyph::Pending)).into(), Tone::Plain),
            Standing::Good => (format!("{} good", theme.glyph(Glyph::Good)).into(), Tone::Good),
            Standing::Bad(_) => (format!("{} bad", theme.glyph(Glyph::Bad)).into(), Tone::Bad),
        },
        VersionId::Built => (if row.built { "built" } else { "" }.into(), Tone::Dim),
        VersionId::Hosts if row.hosts == 0 => ("".into(), Tone::Plain),
        VersionId::Hosts => (row.hosts.to_string().into(), Tone::Plain),
        VersionId::HeadOf => {
            (row.head_of.as_deref().map(|branch| clean_line(branch).into_owned()).unwrap_or_default().into(), Tone::Dim)
        }
    }
}

fn draw_versions(painter: &mut Painter<'_>, area: Rect, state: &App) {
    let theme = painter.theme;
    let versions = state.planning.versions.here().map(Vec::as_slice).unwrap_or_default();
    let mut title = vec![span(theme, Tone::Strong, count(versions.len(), "version"))];
    if !versions.is_empty() {
        let head = state.planning.selected().and_then(|row| row.head_of.as_deref());
        let head = head.map(|branch| format!(" the head of {}:", clean_line(branch))).unwrap_or_default();
        title.push(span(theme, Tone::Dim, format!("{head} Enter makes the plan of one")));
    }
    painter.rule(area, 0, title);
    let (_, area) = below(area, 1);
    let says = match &state.planning.versions {
        Answer::Here(versions) if versions.is_empty() => "no tag is a release: see product.tags".to_owned(),
        Answer::Here(_) => String::new(),
        Answer::Failed(why) => format!("the versions could not be read: {}", clean_line(why)),
        Answer::None | Answer::Asked => "reading the tags".to_owned(),
    };
    if !says.is_empty() {
        painter.line(area, 1, &Line::from(span(theme, Tone::Dim, format!("  {says}"))));
        return;
    }
    // Where tags are all that there is, no column says of what they are heads.
    let has_heads = versions.iter().any(|row| row.head_of.is_some());
    let shown = if has_heads { VERSIONS.len() } else { VERSIONS.len() - 1 };
    let columns = fit(VERSIONS.get(..shown).unwrap_or(&VERSIONS), area.width.saturating_sub(3));
    painter.titles(area, 0, &columns);
    let window = state.planning.picker.window(versions.len());
    let first = window.start;
    for (line, row) in versions.get(window).unwrap_or_default().iter().enumerate() {
        let selected = first + line == state.planning.picker.place();
        let has_focus = state.planning.side == Side::Versions;
        painter.row(area, line + 1, &columns, (selected && has_focus, false), |id| version_cell(state, row, id));
        if selected && !has_focus {
            painter.text(area, 0, line + 1, 1, theme.sign(Sign::Dot), theme.style(Tone::Dim));
        }
    }
}

/// Makes what stands above the hosts of the plan.
fn summary(state: &App, room: u16) -> Vec<Line<'static>> {
    let theme = state.settings.theme;
    let planning = &state.planning;
    let mut lines = vec![what(state), flags(state), reason(state)];
    match &planning.plan {
        Answer::None => lines.push(Line::from(span(theme, Tone::Dim, " Enter on a version makes its plan"))),
        Answer::Asked => {
            let step = planning.step.as_ref().map(|step| format!(": {}", clean_line(step))).unwrap_or_default();
            let text = format!(" {} making the plan{step}", theme.spinner(state.ticks));
            lines.push(Line::from(span(theme, Tone::Busy, text)));
        }
        Answer::Failed(why) => {
            let parts =
                why.lines().flat_map(|line| words::wrap(&clean_line(line), usize::from(room).saturating_sub(2)));
            lines.extend(parts.map(|part| Line::from(span(theme, Tone::Bad, format!(" {part}")))));
        }
        Answer::Here(table) => {
            // First: on a small screen what comes last is not seen.
            if let Some(Standing::Bad(why)) = planning
                .versions
                .here()
                .and_then(|versions| versions.iter().find(|row| row.version == table.plan.version))
                .map(|row| &row.standing)
            {
                let text = format!("{} this version is marked bad: {}", theme.glyph(Glyph::Attention), clean_line(why));
                let parts = words::wrap(&text, usize::from(room).saturating_sub(2));
                lines.extend(parts.into_iter().map(|part| Line::from(span(theme, Tone::Bad, format!(" {part}")))));
            }
            if table.plan.hosts.is_empty() {
                let text = " nothing is to be done: every host has it";
                lines.push(Line::from(span(theme, Tone::Good, text)));
            }
            let is_warning =
                |group: &&LeftOutGroup| matches!(group.reason, LeftOutReason::Unreachable | LeftOutReason::NoTarget);
            lines.extend(table.left_out.iter().filter(is_warning).map(|group| left_out(theme, group)));
            let changes =
                planning.changes.iter().flat_map(|line| words::wrap(line, usize::from(room).saturating_sub(2)));
            lines.extend(changes.map(|line| Line::from(span(theme, Tone::Plain, format!(" {line}")))));
            lines.extend(stage_lines(theme, &table.plan.stages, room));
            lines.extend(table.left_out.iter().filter(|group| !is_warning(group)).map(|group| left_out(theme, group)));
            lines.extend(budget_lines(theme, &table.plan.stages, room));
        }
    }
    lines
}

fn what(state: &App) -> Line<'static> {
    let theme = state.settings.theme;
    let planning = &state.planning;
    let mut spans = Vec::new();
    if let Answer::Here(table) = &planning.plan {
        let plan = &table.plan;
        let verb = match plan.kind {
            PlanKind::Prime => "prime",
            PlanKind::Install => "install",
            PlanKind::Rollback => "roll back to",
        };
        if plan.emergency {
            spans.push(span(theme, Tone::Bad, format!(" {}", words::emergency(true).trim_end())));
        }
        spans.push(span(theme, Tone::Plain, format!(" {verb} ")));
        spans.push(span(theme, Tone::Strong, plan.version.to_string()));
        spans.push(span(theme, Tone::Dim, format!(" {}", plan.release.digest8())));
        spans.push(span(theme, Tone::Strong, format!(" on {}", count(plan.targets(), "host"))));
    } else {
        let version = planning.version().map(ToString::to_string).unwrap_or_default();
        let text = match planning.wanted.as_ref().map(|wanted| &wanted.goal) {
            Some(PlanGoal::Back { to: Some(to) }) => format!(" roll back to {to}"),
            Some(PlanGoal::Back { to: None }) => format!(" roll back to what was good before {version}"),
            Some(PlanGoal::CatchUp) => " catch up with what was finalized last".to_owned(),
            Some(PlanGoal::Debt) => " install what is good on the hosts in debt".to_owned(),
            Some(PlanGoal::Install) | None => format!(" install {version}"),
        };
        spans.push(span(theme, Tone::Plain, text));
    }
    let wanted = planning.wanted.as_ref().and_then(|wanted| wanted.slot.as_ref());
    if let Some(slot) = planning.plan.here().map_or(wanted, |table| table.plan.slot.as_ref()) {
        spans.push(span(theme, Tone::Strong, format!(" in slot {slot}")));
    }
    let limit = planning.limit.as_ref().map_or("  the whole fleet".to_owned(), |limit| {
        format!("  limited to {}: {}", count(limit.hosts.len(), "host"), limit.expression)
    });
    spans.push(span(theme, Tone::Dim, limit));
    Line::from(spans)
}

fn flags(state: &App) -> Line<'static> {
    let theme = state.settings.theme;
    let flags = &state.planning.flags;
    let unreachable = if flags.skip_unreachable { "left out" } else { "count" };
    let soak = if flags.no_soak { "none" } else { "as configured" };
    let prime = if flags.prime { "no" } else { "yes" };
    let on_failure = flags.on_failure.word();
    let key = |action| key_of(state, Screen::Plan, action);
    let (failure, out) = (key(Action::OnFailure), key(Action::SkipUnreachable));
    let (soaks, switches) = (key(Action::NoSoak), key(Action::PrimeOnly));
    let text = format!(
        " {failure} on failure: {on_failure}  {out} unreachable: {unreachable}  {soaks} soak: {soak}  {switches} switch: {prime}"
    );
    Line::from(span(theme, Tone::Dim, text))
}

fn reason(state: &App) -> Line<'static> {
    let theme = state.settings.theme;
    let typing = matches!(state.layers.last(), Some(Layer::Line(line)) if line.kind == LineKind::Reason);
    let reason = &state.planning.reason;
    let (tone, text) = match (typing, reason.is_empty()) {
        (true, _) => (Tone::Key, format!("{reason}_")),
        (false, true) => (Tone::Dim, format!("none given: {} gives one", key_of(state, Screen::Plan, Action::Reason))),
        (false, false) => (Tone::Plain, reason.clone()),
    };
    Line::from(vec![span(theme, Tone::Dim, " reason: "), span(theme, tone, text)])
}

#[derive(Debug, Clone, Copy)]
enum StageId {
    Name,
    Hosts,
    Waves,
    AtOnce,
    Soak,
    Then,
    Budget,
}

const STAGES: [Column<StageId>; 7] = [
    column(StageId::Name, "stage", Width::Fixed(10), 0),
    number(StageId::Hosts, "hosts", 6, 0),
    number(StageId::AtOnce, "at once", 7, 3),
    number(StageId::Soak, "soak", 7, 0),
    column(StageId::Then, "promoted", Width::Fixed(11), 0),
    column(StageId::Waves, "waves", Width::Fixed(14), 2),
    column(StageId::Budget, "may fail", Width::Rest(12), 1),
];

/// Draws the stages as a table under its titles.
fn stage_lines(theme: Theme, stages: &[StagePlan], room: u16) -> Vec<Line<'static>> {
    let mut columns = fit(&STAGES, room.saturating_sub(2));
    if !budgets_fit(&columns, stages) {
        columns.retain(|(column, ..)| !matches!(column.id, StageId::Budget));
    }
    let line = |tone: Tone, text: &dyn Fn(&Column<StageId>) -> String| {
        let mut line = String::new();
        for (column, x, most) in &columns {
            let text = words::cut(&text(column), usize::from(*most), theme.sign(Sign::Cut)).into_owned();
            let indent = if column.right { usize::from(*most).saturating_sub(words::width(&text)) } else { 0 };
            let at = 1 + usize::from(*x) + indent;
            line.push_str(&" ".repeat(at.saturating_sub(words::width(&line))));
            line.push_str(&text);
        }
        Line::from(span(theme, tone, line))
    };
    let mut lines = vec![line(Tone::Dim, &|column| column.title.to_owned())];
    lines.extend(stages.iter().map(|stage| {
        let tone = if stage.hosts() == 0 { Tone::Warn } else { Tone::Plain };
        line(tone, &|column| stage_cell(stage, column.id))
    }));
    lines
}

/// Tells whether the column of budgets shows all of them whole.
fn budgets_fit(columns: &[Placed<StageId>], stages: &[StagePlan]) -> bool {
    let place = columns.iter().find(|(column, ..)| matches!(column.id, StageId::Budget));
    place.is_some_and(|(_, _, most)| {
        let fits = |stage| words::width(&stage_cell(stage, StageId::Budget)) <= usize::from(*most);
        stages.iter().all(fits)
    })
}

/// Says how many hosts may fail where the table has no room for it: a line for each budget, with its stages.
fn budget_lines(theme: Theme, stages: &[StagePlan], room: u16) -> Vec<Line<'static>> {
    if budgets_fit(&fit(&STAGES, room.saturating_sub(2)), stages) {
        return Vec::new();
    }
    let mut budgets: Vec<(String, Vec<&str>)> = Vec::new();
    for stage in stages.iter().filter(|stage| stage.hosts() > 0) {
        let budget = stage_cell(stage, StageId::Budget);
        match budgets.iter_mut().find(|(known, _)| *known == budget) {
            Some((_, names)) => names.push(stage.name.as_str()),
            None => budgets.push((budget, vec![stage.name.as_str()])),
        }
    }
    let line = |(budget, names): (String, Vec<&str>)| {
        Line::from(span(theme, Tone::Dim, format!(" may fail in {}: {budget}", names.join(", "))))
    };
    budgets.into_iter().map(line).collect()
}

fn stage_cell(stage: &StagePlan, id: StageId) -> String {
    let empty = stage.hosts() == 0;
    match id {
        StageId::Name => stage.name.to_string(),
        StageId::Hosts => stage.hosts().to_string(),
        StageId::Then if empty => "passed over".to_owned(),
        _ if empty => String::new(),
        StageId::AtOnce => stage.concurrency.to_string(),
        StageId::Soak if stage.soak.is_zero() => "none".to_owned(),
        StageId::Soak => words::span(stage.soak),
        StageId::Then if stage.promote == Promote::Manual => "by hand".to_owned(),
        StageId::Then => "by itself".to_owned(),
        StageId::Waves => {
            let waves: Vec<String> = stage.waves.iter().map(ToString::to_string).collect();
            waves.join(", ")
        }
        StageId::Budget => {
            let classes = FailureClass::ALL.into_iter().map(|class| (class, stage.budget.of(class)));
            let may: Vec<String> =
                classes.filter(|(_, most)| *most > 0).map(|(class, most)| format!("{class} {most}")).collect();
            if may.is_empty() { "none".to_owned() } else { may.join(", ") }
        }
    }
}

fn left_out(theme: Theme, group: &LeftOutGroup) -> Line<'static> {
    let (tone, why) = match group.reason {
        LeftOutReason::Current => (Tone::Dim, "have it already"),
        LeftOutReason::Excluded => (Tone::Dim, "excluded"),
        LeftOutReason::Unreachable => (Tone::Lost, "cannot be reached"),
        LeftOutReason::NoTarget => (Tone::Bad, "have nowhere to go back to"),
    };
    let message = if group.message.is_empty() { String::new() } else { format!(" ({})", clean_line(&group.message)) };
    let text = format!(" {} left out, {why}{message}: {}", count(group.count, "host"), group.hosts);
    Line::from(span(theme, tone, text))
}

#[derive(Debug, Clone, Copy)]
enum Id {
    Host,
    Stage,
    Wave,
    From,
    To,
    Site,
}

fn columns(state: &App, table: &PlanTable) -> Vec<Column<Id>> {
    let wanted = |column: &Column<Id>| state.wants_column(Screen::Plan, column.name);
    all_columns(table).into_iter().filter(wanted).collect()
}

/// Names the columns that can be left out.
pub(super) fn names(state: &App) -> Vec<&'static str> {
    let table = state.planning.plan.here().into_iter();
    table.flat_map(all_columns).filter(|column| column.drop > 0).map(|column| column.name).collect()
}

fn all_columns(table: &PlanTable) -> [Column<Id>; 6] {
    [
        column(Id::Host, "host", Width::Fixed(table.widest()), 0),
        column(Id::Stage, "stage", Width::Fixed(10), 1),
        number(Id::Wave, "wave", 4, 2),
        column(Id::From, "from", Width::Fixed(14), 0),
        column(Id::To, "to", Width::Rest(14), 0),
        column(Id::Site, "site", Width::Fixed(8), 3),
    ]
}

fn cell(theme: Theme, table: &PlanTable, row: usize, id: Id) -> Cell {
    let place = table.place(row);
    match id {
        Id::Host => (table.hosts().get(row).map(ToString::to_string).unwrap_or_default().into(), Tone::Plain),
        Id::Stage => (place.map(|(stage, _)| stage.to_owned()).unwrap_or_default().into(), Tone::Dim),
        Id::Wave => (place.map(|(_, wave)| wave.to_string()).unwrap_or_default().into(), Tone::Dim),
        Id::From => (clean_line(table.from(row)).into_owned().into(), Tone::Plain),
        Id::To => (format!("{} {}", theme.sign(Sign::Arrow), table.plan.version).into(), Tone::Plain),
        Id::Site => {
            let site = table.plan.hosts.get(row).and_then(|host| host.site.as_ref());
            (site.map(ToString::to_string).unwrap_or_default().into(), Tone::Dim)
        }
    }
}

pub(super) fn draw(painter: &mut Painter<'_>, body: Rect, state: &App) {
    let theme = painter.theme;
    let (picker, top, hosts) = layout(state, body);
    if picker.height > 0 {
        draw_versions(painter, picker, state);
    }
    if body.width >= WIDE {
        let line = Rect { x: top.x.saturating_sub(2), y: body.y, width: 2, height: body.height };
        painter.divide(line);
    }
    painter.lines(top, &summary(state, top.width));
    if let Answer::Here(table) = &state.planning.plan
        && hosts.height > 0
    {
        let total = table.hosts().len();
        let mut title = list_title(state, "host", &state.planning.rows, total);
        let masters = total.saturating_sub(table.plan.targets());
        if masters > 0 {
            title.push(span(theme, Tone::Dim, format!(", {} among them", count(masters, "master"))));
        }
        painter.rule(hosts, 0, title);
        let (_, area) = below(hosts, 1);
        let has_focus = state.planning.side == Side::Plan;
        painter.rows_of_focus(area, &columns(state, table), &state.planning.rows, has_focus, |row, id| {
            cell(theme, table, row, id)
        });
    }
}

pub(super) fn text_of(state: &App) -> String {
    let mut text = String::new();
    for line in summary(state, 200) {
        text.push_str(line.to_string().trim_end());
        text.push('\n');
    }
    if let Answer::Here(table) = &state.planning.plan {
        text.push('\n');
        let theme = state.settings.theme;
        text.push_str(&totals(theme, &state.planning.rows));
        text.push_str(&plain(&columns(state, table), state.planning.rows.shown(), |row, id| {
            cell(theme, table, row, id)
        }));
    }
    text
}
