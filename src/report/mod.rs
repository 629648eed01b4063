//! What headless coalmine prints: text for people, JSON lines for programs.
