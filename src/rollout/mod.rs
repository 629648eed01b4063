//! What a rollout is: its events, its state as a fold over them, and the machine that decides.
