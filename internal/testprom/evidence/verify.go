package evidence

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"time"

	"veza.fr/recovery/internal/suite"
)

// Verify is what is wrong with the chain, and with the signatures, each of which must be of one of the keys. Without
// keys the signatures are not looked at. nil is a whole chain.
func (l Ledger) Verify(keys []ed25519.PublicKey) []Finding {
	found := slices.Clone(l.Findings)
	for _, e := range l.Entries {
		if len(keys) == 0 || e.Statement == nil { // that it cannot be read is a finding already
			continue
		}
		if err := e.Envelope.signedBy(e.payload, keys); err != nil {
			found = append(found, Finding{e.Seq, fmt.Sprintf("entry %d: %s %v", e.Seq, e.File, err)})
		}
	}
	return found
}

// UnknownStanza is that of a run which came to an end before it could name one.
const UnknownStanza = suite.UnknownStanza

// OfNow says whether a run is a drill of the present repository and of the present cluster in it.
func (r Run) OfNow() bool {
	return r.Suite == suite.Drill.Name && r.Scope.AsOf == "" && r.Scope.Left == ""
}

// Drills are the entries of drills of the backups as they were when they ran; of some stanzas, or of all.
func (l Ledger) Drills(stanzas ...string) (list []Entry) {
	for _, e := range l.Entries {
		if r := e.Run; r != nil && r.OfNow() &&
			(len(stanzas) == 0 || slices.Contains(stanzas, r.Stanza)) {
			list = append(list, e)
		}
	}
	return list
}

// Stanzas are those that were drilled, as far as they are known.
func (l Ledger) Stanzas() (list []string) {
	for _, e := range l.Drills() {
		if e.Run.Stanza != UnknownStanza && !slices.Contains(list, e.Run.Stanza) {
			list = append(list, e.Run.Stanza)
		}
	}
	slices.Sort(list)
	return list
}

// Gaps are the times longer than cadence between two drills of a stanza, whatever they ended as. What has passed since
// the newest is Gate's to judge.
func (l Ledger) Gaps(cadence time.Duration) (found []Finding) {
	for _, stanza := range l.Stanzas() {
		drills := l.Drills(stanza)
		slices.SortStableFunc(drills, func(a, b Entry) int { return a.Run.Ended.Compare(b.Run.Ended) })
		for i := 1; i < len(drills); i++ {
			before, after := drills[i-1], drills[i]
			if gap := after.Run.Ended.Sub(before.Run.Ended); gap > cadence {
				text := fmt.Sprintf("stanza %s was not drilled for %s: from %s (entry %d) to %s (entry %d)",
					suite.Line(stanza), days(gap), before.Run.Ended.Format(time.RFC3339), before.Seq,
					after.Run.Ended.Format(time.RFC3339), after.Seq)
				found = append(found, Finding{after.Seq, text})
			}
		}
	}
	return found
}

// days is a time as a person says it.
func days(d time.Duration) string {
	const day = 24 * time.Hour
	if d < 2*day {
		return d.Round(time.Second).String()
	}
	return fmt.Sprintf("%.1f days", d.Hours()/day.Hours())
}
