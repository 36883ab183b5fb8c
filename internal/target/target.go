package target

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Kind says what a Target stops at.
type Kind string

// Kinds of target.
const (
	End  Kind = ""     // the end of the archive
	Time Kind = "time" // a moment
	LSN  Kind = "lsn"  // a place in the WAL
	Name Kind = "name" // a restore point

	// Not yet chosen: preflight puts a target of another kind in their place.
	Random   Kind = "random"   // a point of the recovery window
	Timeline Kind = "timeline" // one before and one after the last failover
	Worst    Kind = "worst"    // the point of the recovery window with the most WAL to replay
)

// Target is where recovery stops; the field of its kind is set.
type Target struct {
	Kind Kind
	Time time.Time // with the offset it was given
	LSN  string    // upper case, without leading zeros: 0/7000028
	Name string
}

// String writes the target as -target takes it; the end of the archive is "".
func (t Target) String() string {
	switch t.Kind {
	case Time:
		return "time:" + t.Time.Format(time.RFC3339Nano)
	case LSN:
		return "lsn:" + t.LSN
	case Name:
		return "name:" + t.Name
	case Random, Timeline, Worst:
		return string(t.Kind)
	default:
		return ""
	}
}

// IsChoice says whether preflight has yet to choose a position.
func (t Target) IsChoice() bool { return t.Kind == Random || t.Kind == Timeline || t.Kind == Worst }

// Parse reads the value of -target.
func Parse(value string) (Target, error) {
	if whole := (Target{Kind: Kind(value)}); whole.IsChoice() {
		return whole, nil
	}
	kind, rest, _ := strings.Cut(value, ":")
	switch Kind(kind) {
	case Time:
		moment, err := time.Parse(time.RFC3339, rest)
		if err != nil {
			return Target{}, errors.New(
				"must be time: and a moment with its offset, such as time:2026-08-23T03:59:30Z or " +
					"time:2026-08-23T05:59:30+02:00",
			)
		}
		return Target{Kind: Time, Time: moment}, nil
	case LSN:
		lsn, err := parseLSN(rest)
		return Target{Kind: LSN, LSN: lsn}, err
	case Name:
		if !IsName(rest) {
			return Target{}, fmt.Errorf(
				"must be name: and the name of a restore point, 1 to %d bytes of printable text", maxName,
			)
		}
		return Target{Kind: Name, Name: rest}, nil
	default:
		return Target{}, errors.New(
			"must be random, timeline, worst, or begin with time:, lsn: or name:, such as time:2026-08-23T03:59:30Z; " +
				"leave it out for the end of the archive",
		)
	}
}

// maxName is the longest name, in bytes, that PostgreSQL keeps without cutting it:
// MAXFNAMELEN - 1 for restore points, NAMEDATALEN - 1 for databases.
const maxName = 63

// IsName says whether PostgreSQL can have something of that name: 1 to 63 bytes of
// printable text.
func IsName(text string) bool {
	return len(text) <= maxName && utf8.ValidString(text) && strings.TrimSpace(text) != "" &&
		strings.IndexFunc(text, unicode.IsControl) < 0
}

func parseLSN(text string) (string, error) {
	high, low, _ := strings.Cut(text, "/")
	h, errHigh := parseHex(high)
	l, errLow := parseHex(low)
	if errHigh != nil || errLow != nil || h == 0 && l == 0 {
		return "", errors.New("must be lsn: and a place in the WAL as PostgreSQL writes it, such as lsn:0/7000028")
	}
	return fmt.Sprintf("%X/%X", h, l), nil
}

// parseHex reads 1 to 8 hex digits and nothing else: ParseUint alone takes a
// longer run of zeros.
func parseHex(text string) (uint64, error) {
	if len(text) > 8 {
		return 0, strconv.ErrRange
	}
	return strconv.ParseUint(text, 16, 32)
}
