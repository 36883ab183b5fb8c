package bench

// tuned are the server settings that the drill replays with, as name=value.
func tuned() []string { return nil }
