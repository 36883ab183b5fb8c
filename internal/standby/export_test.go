package standby

// WhilePaused has a function called while replay stands still.
func WhilePaused(do func()) { whilePaused = do }
