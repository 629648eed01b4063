//! The source as tokens, so that comments and texts mean nothing, and the paths in it, followed through groups. What a macro makes of
//! its arguments is not seen.

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token {
    Word(String),
    Mark(char),
}

/// Parts a source in words and marks, each with its line; comments, texts and lifetimes are left out.
pub(crate) fn tokens(source: &str) -> Vec<(usize, Token)> {
    let mut tokens = Vec::new();
    let mut rest = source.chars().peekable();
    let mut line = 1;
    while let Some(c) = rest.next() {
        match c {
            '\n' => line += 1,
            '/' if rest.peek() == Some(&'/') => while rest.next_if(|&c| c != '\n').is_some() {},
            '/' if rest.peek() == Some(&'*') => {
                let (mut depth, mut before) = (0, ' ');
                for c in std::iter::once('/').chain(rest.by_ref()) {
                    line += usize::from(c == '\n');
                    match (before, c) {
                        ('/', '*') => depth += 1,
                        ('*', '/') => depth -= 1,
                        _ => {}
                    }
                    before = if matches!((before, c), ('/', '*') | ('*', '/')) { ' ' } else { c };
                    if depth == 0 && c == '/' && before == ' ' {
                        break;
                    }
                }
            }
            '"' => {
                while let Some(c) = rest.next() {
                    line += usize::from(c == '\n');
                    match c {
                        '\\' => line += usize::from(rest.next() == Some('\n')),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            '\'' => {
                // A lifetime has no closing quote behind its first character.
                let first = rest.next();
                if first == Some('\\') {
                    rest.next();
                    while rest.next_if(|&c| c != '\'').is_some() {}
                    rest.next();
                } else if rest.peek() == Some(&'\'') {
                    rest.next();
                }
            }
            c if c.is_alphanumeric() || c == '_' => {
                let mut word = c.to_string();
                while let Some(c) = rest.next_if(|c| c.is_alphanumeric() || *c == '_') {
                    word.push(c);
                }
                let raw = matches!(word.as_str(), "r" | "br" | "cr");
                if raw && matches!(rest.peek(), Some('#' | '"')) {
                    let mut fence = 0;
                    while rest.next_if_eq(&'#').is_some() {
                        fence += 1;
                    }
                    if rest.next_if_eq(&'"').is_some() {
                        let mut seen = None;
                        for c in rest.by_ref() {
                            line += usize::from(c == '\n');
                            seen = match (c, seen) {
                                ('"', _) => Some(0),
                                ('#', Some(count)) => Some(count + 1),
                                _ => None,
                            };
                            if seen == Some(fence) {
                                break;
                            }
                        }
                    }
                    // Otherwise it was a raw name (`r#type`), of which the name follows.
                } else {
                    tokens.push((line, Token::Word(word)));
                }
            }
            c if c.is_whitespace() => {}
            c => tokens.push((line, Token::Mark(c))),
        }
    }
    tokens
}

/// Holds a path as it is written, and how many modules of the file it stands in.
#[derive(Debug, PartialEq)]
pub(crate) struct Named {
    pub(crate) line: usize,
    pub(crate) inside: usize,
    pub(crate) path: Vec<String>,
}

/// Finds every path of two words or more, groups taken apart.
pub(crate) fn paths(source: &str) -> Vec<Named> {
    let tokens = tokens(source);
    let mark = |at: usize, mark: char| tokens.get(at).is_some_and(|(_, token)| *token == Token::Mark(mark));
    let colons = |at: usize| mark(at, ':') && mark(at + 1, ':');
    let word = |at: usize| match tokens.get(at) {
        Some((line, Token::Word(word))) => Some((*line, word.clone())),
        _ => None,
    };
    let mut found = Vec::new();
    // The depths of braces at which modules of this file opened.
    let (mut depth, mut modules) = (0, Vec::new());
    // The paths of the groups that are open, for `use a::{b, c::{d}}`.
    let mut groups: Vec<Vec<String>> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if word(at).is_some_and(|(_, word)| word == "mod") && mark(at + 2, '{') {
            modules.push(depth);
            depth += 1;
            at += 3;
            continue;
        }
        let Some((line, first)) = word(at) else {
            if mark(at, '{') {
                depth += 1;
                if !groups.is_empty() {
                    groups.push(groups.last().unwrap().clone());
                }
            } else if mark(at, '}') {
                depth -= 1;
                groups.pop();
                if modules.last() == Some(&depth) {
                    modules.pop();
                }
            }
            at += 1;
            continue;
        };
        let mut path = groups.last().cloned().unwrap_or_default();
        let grouped = !path.is_empty();
        path.push(first);
        at += 1;
        while colons(at) {
            at += 2;
            if let Some((_, next)) = word(at) {
                path.push(next);
                at += 1;
            } else if mark(at, '{') {
                depth += 1;
                at += 1;
                groups.push(std::mem::take(&mut path));
            } else {
                break;
            }
        }
        if path.len() > 1 || (grouped && !path.is_empty()) {
            found.push(Named { line, inside: modules.len(), path });
        }
    }
    found
}
