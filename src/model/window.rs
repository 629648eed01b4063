//! Times at which an environment is not to be changed: every weekend, every night, the days around a holiday.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::name::written_as_text;

/// Says when, in the words of a calendar: `16:00`, `Fri 16:00`, `12-20`, `2026-12-20 18:00`.
///
/// A day without a time is the whole of it: what begins on it begins with it, and what ends on it ends with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CalendarTime {
    day: Day,
    time: Option<Time>,
}

/// Says which days a calendar time is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Day {
    Every,
    Weekly(Weekday),
    Yearly { month: i8, day: i8 },
    Once(Date),
}

/// Tells why a text is no calendar time.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is no time of a calendar: write \"16:00\", \"Fri 16:00\", \"12-20\" or \"2026-12-20 18:00\"")]
pub struct CalendarTimeError(String);

/// Says when nobody brings anything new to an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreezeWindow {
    /// Its name, by which it is overridden.
    pub name: String,
    /// When it begins.
    pub from: CalendarTime,
    /// When it ends; of the same form as its beginning.
    pub until: CalendarTime,
    /// The time zone of both, as the IANA names it.
    pub zone: String,
    /// Why, in the site's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Tells why two times and a zone make no window.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WindowError {
    /// Nobody knows the zone here.
    #[error("{0:?} is no time zone that this machine knows: write \"UTC\" or a name such as \"Europe/Berlin\"")]
    Zone(String),
    /// One is of the week and the other of the year, say.
    #[error("from = \"{from}\" and until = \"{until}\" are of two forms: both have a weekday, a date, or neither")]
    Forms {
        /// Its beginning.
        from: CalendarTime,
        /// Its end.
        until: CalendarTime,
    },
    /// It would last for no time at all, or for ever.
    #[error("from = \"{from}\" and until = \"{until}\" leave nothing between them")]
    Empty {
        /// Its beginning.
        from: CalendarTime,
        /// Its end.
        until: CalendarTime,
    },
}

/// One time that a window is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Occurrence {
    /// Its first moment.
    pub start: Timestamp,
    /// The first moment after it.
    pub end: Timestamp,
}

impl FreezeWindow {
    /// Checks that the window means something.
    ///
    /// # Errors
    ///
    /// When its zone is not known, when its ends are of two forms, or when there is nothing between them.
    pub fn check(&self) -> Result<(), WindowError> {
        let (from, until) = (self.from, self.until);
        zone(&self.zone).ok_or_else(|| WindowError::Zone(self.zone.clone()))?;
        if std::mem::discriminant(&from.day) != std::mem::discriminant(&until.day) {
            return Err(WindowError::Forms { from, until });
        }
        let is_empty = match (from.day, until.day) {
            (Day::Once(first), Day::Once(last)) => {
                (last, until.time.unwrap_or(Time::MAX)) <= (first, from.time.unwrap_or(Time::MIN))
            }
            // "Fri" to "Fri" is a day, "Fri 16:00" to "Fri 16:00" is nobody's idea of a week.
            _ => from == until && from.time.is_some(),
        };
        if is_empty { Err(WindowError::Empty { from, until }) } else { Ok(()) }
    }

    /// Gives the time that it is there now; none when it is not.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Option<Occurrence> {
        self.near(now).into_iter().filter(|found| found.start <= now && now < found.end).max()
    }

    /// Gives the next time that it begins, within a year.
    #[must_use]
    pub fn next(&self, after: Timestamp) -> Option<Occurrence> {
        self.near(after).into_iter().filter(|found| found.start > after).min()
    }

    /// Says when a time of it ends, as its people read clocks.
    #[must_use]
    pub fn ends(&self, occurrence: Occurrence) -> String {
        let zone = zone(&self.zone).unwrap_or(TimeZone::UTC);
        format!("{} {}", occurrence.end.to_zoned(zone).strftime("%a %Y-%m-%d %H:%M"), self.zone)
    }

    /// Gives the times around one that matter to it.
    fn near(&self, now: Timestamp) -> Vec<Occurrence> {
        let Some(zone) = zone(&self.zone) else {
            return Vec::new();
        };
        let today = now.to_zoned(zone.clone()).date();
        let days = |back: i32, ahead: i32| (-back..=ahead).filter_map(move |by| today.checked_add(by.days()).ok());
        let starts: Vec<Date> = match self.from.day {
            Day::Every => days(2, 2).collect(),
            Day::Weekly(weekday) => days(15, 8).filter(|date| date.weekday() == weekday).collect(),
            Day::Yearly { month, day } => {
                (-2..=2).filter_map(|by| Date::new(today.year().checked_add(by)?, month, day).ok()).collect()
            }
            Day::Once(date) => vec![date],
        };
        starts.into_iter().filter_map(|date| self.starting(date, &zone)).collect()
    }

    /// Gives the time of it that begins on a date.
    fn starting(&self, date: Date, zone: &TimeZone) -> Option<Occurrence> {
        let until = self.until;
        let moment = |date: Date, time: Time| {
            Some(zone.to_ambiguous_zoned(date.to_datetime(time)).compatible().ok()?.timestamp())
        };
        let start = moment(date, self.from.time.unwrap_or(Time::MIN))?;
        let end_on = |last: Date| match until.time {
            Some(time) => moment(last, time),
            None => moment(last.tomorrow().ok()?, Time::MIN),
        };
        let lasts: Vec<Date> = match until.day {
            Day::Every => vec![date, date.tomorrow().ok()?],
            Day::Weekly(weekday) => (0..=7)
                .filter_map(|by| date.checked_add(by.days()).ok())
                .filter(|day| day.weekday() == weekday)
                .collect(),
            Day::Yearly { month, day } => {
                (0..=4).filter_map(|by| Date::new(date.year().checked_add(by)?, month, day).ok()).collect()
            }
            Day::Once(last) => vec![last],
        };
        let end = lasts.into_iter().filter_map(end_on).find(|end| *end > start)?;
        Some(Occurrence { start, end })
    }
}

/// Finds the first window that is there now, and when it ends.
#[must_use]
pub fn frozen_by(windows: &[FreezeWindow], now: Timestamp) -> Option<(&FreezeWindow, Occurrence)> {
    windows.iter().filter_map(|window| Some((window, window.at(now)?))).max_by_key(|(_, found)| found.end)
}

/// Tells whether a text names a time zone that this machine knows.
#[must_use]
pub fn is_time_zone(name: &str) -> bool {
    zone(name).is_some()
}

/// Finds a zone by its name; UTC needs no files of the machine.
fn zone(name: &str) -> Option<TimeZone> {
    match name {
        "UTC" => Some(TimeZone::UTC),
        name => TimeZone::get(name).ok(),
    }
}

impl FromStr for CalendarTime {
    type Err = CalendarTimeError;

    fn from_str(text: &str) -> Result<Self, CalendarTimeError> {
        let text = text.trim();
        let read = || {
            if text.is_empty() {
                return None;
            }
            let (day, time) = match text.split_once(' ') {
                Some((day, time)) => (day, Some(time.trim())),
                None if text.contains(':') => ("", Some(text)),
                None => (text, None),
            };
            let time = match time {
                Some(time) => Some(Time::strptime("%H:%M", time).ok()?),
                None => None,
            };
            Some(Self { day: read_day(day)?, time })
        };
        read().ok_or_else(|| CalendarTimeError(text.to_owned()))
    }
}

fn read_day(text: &str) -> Option<Day> {
    if text.is_empty() {
        return Some(Day::Every);
    }
    if let Ok(date) = Date::strptime("%Y-%m-%d", text) {
        return Some(Day::Once(date));
    }
    if let Some((month, day)) = text.split_once('-') {
        let (month, day) = (month.parse().ok()?, day.parse().ok()?);
        // A leap year, so that its day is one.
        Date::new(2024, month, day).ok()?;
        return Some(Day::Yearly { month, day });
    }
    let weekday = |(short, long, day): &(&str, &str, Weekday)| {
        (text.eq_ignore_ascii_case(short) || text.eq_ignore_ascii_case(long)).then_some(*day)
    };
    WEEKDAYS.iter().find_map(weekday).map(Day::Weekly)
}

const WEEKDAYS: [(&str, &str, Weekday); 7] = [
    ("Mon", "Monday", Weekday::Monday),
    ("Tue", "Tuesday", Weekday::Tuesday),
    ("Wed", "Wednesday", Weekday::Wednesday),
    ("Thu", "Thursday", Weekday::Thursday),
    ("Fri", "Friday", Weekday::Friday),
    ("Sat", "Saturday", Weekday::Saturday),
    ("Sun", "Sunday", Weekday::Sunday),
];

impl fmt::Display for CalendarTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = match self.day {
            Day::Every => None,
            Day::Weekly(weekday) => {
                WEEKDAYS.iter().find(|(_, _, day)| *day == weekday).map(|(short, _, _)| (*short).to_owned())
            }
            Day::Yearly { month, day } => Some(format!("{month:02}-{day:02}")),
            Day::Once(date) => Some(date.to_string()),
        };
        let time = self.time.map(|time| time.strftime("%H:%M").to_string());
        let parts: Vec<String> = [day, time].into_iter().flatten().collect();
        f.pad(&parts.join(" "))
    }
}

written_as_text! { CalendarTime, CalendarTimeError, str::parse }

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{CalendarTime, FreezeWindow, WindowError, frozen_by};

    fn window(from: &str, until: &str, zone: &str) -> FreezeWindow {
        let (from, until) = (from.parse().unwrap(), until.parse().unwrap());
        FreezeWindow { name: "w".into(), from, until, zone: zone.into(), reason: None }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn times_of_a_calendar_are_read_and_written_back() {
        for text in ["16:00", "Fri 16:00", "Fri", "12-20", "12-20 18:00", "2026-12-20", "2026-12-20 18:00"] {
            assert_eq!(text.parse::<CalendarTime>().unwrap().to_string(), text);
        }
        assert_eq!("friday 16:00".parse::<CalendarTime>().unwrap().to_string(), "Fri 16:00");
        for text in
            ["", " ", "25:00", "Fry", "13-01", "02-30", "2026-02-30", "Fri 16", "4pm", "2026", "Fri Sat", "16:00 Fri"]
        {
            let read = text.parse::<CalendarTime>();
            assert!(read.is_err(), "{text:?} was taken for {read:?}");
        }
    }

    #[test]
    fn a_weekend_is_frozen_in_its_own_zone() {
        let weekend = window("Fri 16:00", "Mon 08:00", "Europe/Berlin");
        // Berlin is one hour ahead of UTC in winter.
        for (now, frozen) in [
            ("2026-11-27T14:59:59Z", false),
            ("2026-11-27T15:00:00Z", true),
            ("2026-11-28T12:00:00Z", true),
            ("2026-11-30T06:59:59Z", true),
            ("2026-11-30T07:00:00Z", false),
            ("2026-12-02T12:00:00Z", false),
        ] {
            assert_eq!(weekend.at(at(now)).is_some(), frozen, "{now}");
        }
        let found = weekend.at(at("2026-11-28T12:00:00Z")).unwrap();
        assert_eq!(weekend.ends(found), "Mon 2026-11-30 08:00 Europe/Berlin");
        assert_eq!(weekend.next(at("2026-11-28T12:00:00Z")).unwrap().start, at("2026-12-04T15:00:00Z"));
    }

    #[test]
    fn days_are_whole_and_nights_pass_midnight() {
        let days = window("Sat", "Sun", "UTC");
        assert!(days.at(at("2026-11-28T00:00:00Z")).is_some());
        assert!(days.at(at("2026-11-29T23:59:59Z")).is_some());
        assert!(days.at(at("2026-11-30T00:00:00Z")).is_none());
        assert!(window("Fri", "Fri", "UTC").at(at("2026-11-27T12:00:00Z")).is_some());
        assert!(window("Fri", "Fri", "UTC").at(at("2026-11-28T12:00:00Z")).is_none());
        let night = window("17:00", "08:00", "UTC");
        assert!(night.at(at("2026-11-28T18:00:00Z")).is_some());
        assert!(night.at(at("2026-11-28T07:59:00Z")).is_some());
        assert!(night.at(at("2026-11-28T12:00:00Z")).is_none());
    }

    #[test]
    fn a_year_and_a_single_time_end() {
        let yearly = window("12-20", "01-03", "UTC");
        for (now, frozen) in [
            ("2026-12-19T23:00:00Z", false),
            ("2026-12-20T00:00:00Z", true),
            ("2027-01-03T23:59:00Z", true),
            ("2027-01-04T00:00:00Z", false),
            ("2027-12-25T00:00:00Z", true),
        ] {
            assert_eq!(yearly.at(at(now)).is_some(), frozen, "{now}");
        }
        let once = window("2026-12-20", "2027-01-03 12:00", "UTC");
        assert!(once.at(at("2027-01-03T11:59:00Z")).is_some());
        assert!(once.at(at("2027-01-03T12:00:00Z")).is_none());
        assert!(once.next(at("2027-01-03T12:00:00Z")).is_none());
    }

    #[test]
    fn an_hour_that_a_clock_skips_or_repeats_neither_opens_nor_closes_a_window_twice() {
        // 2026-03-29 02:30 is not in Berlin, 2026-10-25 02:30 is there twice.
        let spring = window("2026-03-29 02:30", "2026-03-29 06:00", "Europe/Berlin");
        assert!(spring.at(at("2026-03-29T01:00:00Z")).is_none());
        assert!(spring.at(at("2026-03-29T01:45:00Z")).is_some());
        let autumn = window("2026-10-25 02:30", "2026-10-25 04:00", "Europe/Berlin");
        assert!(autumn.at(at("2026-10-25T00:30:00Z")).is_some());
        assert!(autumn.at(at("2026-10-25T01:30:00Z")).is_some());
        assert!(autumn.at(at("2026-10-25T03:00:00Z")).is_none());
    }

    #[test]
    fn what_means_nothing_is_refused() {
        assert!(matches!(window("Fri", "Mon", "Mars/Base").check(), Err(WindowError::Zone(_))));
        assert!(matches!(window("Fri", "08:00", "UTC").check(), Err(WindowError::Forms { .. })));
        assert!(matches!(window("16:00", "16:00", "UTC").check(), Err(WindowError::Empty { .. })));
        assert!(matches!(window("2026-12-20", "2026-12-19", "UTC").check(), Err(WindowError::Empty { .. })));
        for (from, until) in
            [("Fri", "Fri"), ("Fri 16:00", "Mon"), ("12-20", "01-03"), ("17:00", "08:00"), ("2026-12-20", "2026-12-20")]
        {
            assert_eq!(window(from, until, "UTC").check(), Ok(()), "{from} {until}");
        }
    }

    #[test]
    fn of_several_windows_the_one_that_lasts_longest_answers() {
        let windows = [window("Sat", "Sun", "UTC"), window("2026-11-20", "2026-12-01", "UTC")];
        let (_, found) = frozen_by(&windows, at("2026-11-28T12:00:00Z")).unwrap();
        assert_eq!(found.end, at("2026-12-02T00:00:00Z"));
        assert!(frozen_by(&windows, at("2026-12-02T00:00:00Z")).is_none());
    }
}
