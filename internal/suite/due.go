package suite

import "time"

// How old what is known may be before somebody should look. The alerts' rules cannot read this table where
// their words are agreed, or where there is no run to publish it: a test compares the two.
const (
	DrillDue    = 8 * 24 * time.Hour  // the newest verdict of the drill: a week and a day
	ControlDue  = DrillDue            // that of its control, which runs after it
	CheckDue    = 28 * time.Hour      // that of the backup checks: a day and four hours
	ClaimDue    = 8 * 24 * time.Hour  // an answer on each claim that was ever asked, before the newest verdict
	ComparedDue = 35 * 24 * time.Hour // of any range of blocks, where drills compare
	Ahead       = time.Hour           // of Prometheus' clock, at most: a verdict that is dated later is none
	AlarmDue    = 40 * 24 * time.Hour // the last alarm that was tried, every month
)
