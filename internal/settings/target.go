package settings

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// TargetKind says what a Target stops at.
type TargetKind string

// Kinds of target.
const (
	TargetEnd  TargetKind = ""     // the end of the archive
	TargetTime TargetKind = "time" // a moment
	TargetLSN  TargetKind = "lsn"  // a place in the WAL
	TargetName TargetKind = "name" // a restore point

	// Not yet chosen: preflight puts a target of another kind in their place.
	TargetRandom   TargetKind = "random"   // a point of the recovery window
	TargetTimeline TargetKind = "timeline" // one before and one after the last failover
)

// Target is where recovery stops; the field of its kind is set.
type Target struct {
	Kind TargetKind
	Time time.Time // with the offset it was given
	LSN  string    // upper case, without leading zeros: 0/7000028
	Name string
}

// String writes the target as -target takes it; the end of the archive is "".
func (t Target) String() string {
	switch t.Kind {
	case TargetTime:
		return "time:" + t.Time.Format(time.RFC3339Nano)
	case TargetLSN:
		return "lsn:" + t.LSN
	case TargetName:
		return "name:" + t.Name
	case TargetRandom, TargetTimeline:
		return string(t.Kind)
	default:
		return ""
	}
}

// ParseTarget reads the value of -target.
func ParseTarget(value string) (Target, error) {
	if kind := TargetKind(value); kind == TargetRandom || kind == TargetTimeline {
		return Target{Kind: kind}, nil
	}
	kind, rest, _ := strings.Cut(value, ":")
	switch TargetKind(kind) {
	case TargetTime:
		moment, err := time.Parse(time.RFC3339, rest)
		if err != nil {
			return Target{}, errors.New("must be time: and a moment with its offset, such as time:2026-08-23T03:59:30Z or time:2026-08-23T05:59:30+02:00")
		}
		return Target{Kind: TargetTime, Time: moment}, nil
	case TargetLSN:
		lsn, err := parseLSN(rest)
		return Target{Kind: TargetLSN, LSN: lsn}, err
	case TargetName:
		if !plain(rest) || len(rest) > maxIdentifier {
			return Target{}, fmt.Errorf("must be name: and the name of a restore point, 1 to %d bytes of printable text", maxIdentifier)
		}
		return Target{Kind: TargetName, Name: rest}, nil
	default:
		return Target{}, errors.New("must be random, timeline, or begin with time:, lsn: or name:, such as time:2026-08-23T03:59:30Z; leave it out for the end of the archive")
	}
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
