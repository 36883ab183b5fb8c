package verify

import (
	"fmt"
	"math/big"
	"time"

	"veza.fr/recovery/internal/reason"
)

// Criterion is what a check expects of its one value.
type Criterion interface {
	// String completes the sentence "expected ...".
	String() string
	// judge gives None when v is as expected, else the reason; detail, when not
	// empty, says more than "expected ...".
	judge(v value, now time.Time) (r reason.Reason, detail string)
}

// Min expects a number of at least this.
type Min struct{ Number }

// Equals expects exactly this: a Number, a bool or a string.
type Equals struct{ Want any }

// MaxAge expects a moment (timestamptz) at most this long before the end of the archive.
type MaxAge struct{ Limit time.Duration }

// Number is a decimal number, compared exactly.
type Number struct{ rat *big.Rat }

func whole(n int64) Number { return Number{new(big.Rat).SetInt64(n)} }

func (n Number) String() string {
	if n.rat.IsInt() {
		return n.rat.Num().String()
	}
	digits, _ := n.rat.FloatPrec()
	return n.rat.FloatString(digits)
}

func (m Min) String() string { return "at least " + m.Number.String() }

func (m Min) judge(v value, _ time.Time) (reason.Reason, string) {
	if v.number == nil {
		return reason.SmokeQuery, "min needs a number, and this is " + v.kind
	}
	if v.number.Cmp(m.rat) < 0 {
		return reason.TooFewRows, ""
	}
	return reason.None, ""
}

func (e Equals) String() string {
	if text, ok := e.Want.(string); ok {
		return fmt.Sprintf("%q", text)
	}
	return fmt.Sprint(e.Want)
}

func (e Equals) judge(v value, _ time.Time) (reason.Reason, string) {
	equal := false
	switch want := e.Want.(type) {
	case Number:
		if v.number == nil {
			return reason.SmokeQuery, "equals is a number, and this is " + v.kind
		}
		equal = v.number.Cmp(want.rat) == 0
	case bool:
		if v.kind != kindBool {
			return reason.SmokeQuery, "equals is true or false, and this is " + v.kind
		}
		equal = v.text == "t" == want
	case string:
		if v.kind != kindText {
			return reason.SmokeQuery, "equals is text, and this is " + v.kind + ": leave out the quotes, or cast " +
				"the query to text"
		}
		equal = v.text == want
	}
	if !equal {
		return reason.TooFewRows, ""
	}
	return reason.None, ""
}

func (a MaxAge) String() string { return fmt.Sprintf("at most %s old", a.Limit) }

// judge compares with the end of the archive. A moment further in the future than
// the tolerance says nothing about freshness: either the clocks disagree, or the
// column holds future moments, and then it would pass for ever. So it is never a
// pass, and no verdict on the backup either.
func (a MaxAge) judge(v value, now time.Time) (reason.Reason, string) {
	if v.kind != kindMoment {
		return reason.SmokeQuery, "max_age needs a timestamptz, and this is " + v.kind + ": cast it in the query"
	}
	age := now.Sub(v.moment)
	seconds := age.Round(time.Second)
	switch {
	case age < -clockTolerance:
		return reason.ClockSkew, fmt.Sprintf(
			"that is %s after the end of recovery at %s: the clocks disagree, or the query picks future moments",
			-seconds, now.UTC().Format(time.RFC3339))
	case age > a.Limit:
		return reason.StaleData, fmt.Sprintf("it is %s old", seconds)
	}
	return reason.None, fmt.Sprintf("it is %s old", max(seconds, 0))
}
