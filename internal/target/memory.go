package target

import (
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"veza.fr/recovery/internal/state"
)

// Sections of the file of -state.
const (
	drilledSection  = "drilled"  // when each part was drilled last
	comparedSection = "compared" // when each range of blocks was compared last
	listedSection   = "listed"   // when each one that never was compared was listed first
	unlikeSection   = "unlike"   // when what differs was found to differ first
	clusterSection  = "cluster"  // of which cluster these ranges are
)

// times are moments by stanza and by what they are of.
type times map[string]map[string]time.Time

func recall(path, section, stanza string) (map[string]time.Time, error) {
	all := times{}
	if err := state.Read(path, section, &all); err != nil {
		return nil, fmt.Errorf("%w; it is begun anew", err)
	}
	return all[stanza], nil
}

// RecallCompared reads when ranges of blocks of a stanza were compared last, as Recall does.
func RecallCompared(path, stanza string) (map[string]time.Time, error) {
	return recallRanges(path, comparedSection, stanza)
}

// RecallListed reads the same of those that were never compared: when they were listed first.
func RecallListed(path, stanza string) (map[string]time.Time, error) {
	return recallRanges(path, listedSection, stanza)
}

// RecallUnlike reads what of a stanza differed when it was compared last, and since when. nil is that nothing was
// written yet.
func RecallUnlike(path, stanza string) (map[string]time.Time, error) {
	return recallRanges(path, unlikeSection, stanza)
}

func recallRanges(path, section, stanza string) (map[string]time.Time, error) {
	last, err := recall(path, section, stanza)
	return renamed(last, asKnown), err
}

// RememberCompared writes when ranges of blocks were compared last. It takes the place of what was known of
// the stanza.
func RememberCompared(path, stanza string, last map[string]time.Time) error {
	return rememberRanges(path, comparedSection, stanza, last)
}

// RememberListed does the same for those that were never compared: when they were listed first.
func RememberListed(path, stanza string, first map[string]time.Time) error {
	return rememberRanges(path, listedSection, stanza, first)
}

// RememberUnlike does the same for what differs.
func RememberUnlike(path, stanza string, since map[string]time.Time) error {
	return rememberRanges(path, unlikeSection, stanza, since)
}

// RecallCluster reads of which cluster the ranges of a stanza are, by its system identifier; "" where nothing says it.
func RecallCluster(path, stanza string) (id string, err error) {
	all := map[string]string{}
	if err = state.Read(path, clusterSection, &all); err != nil {
		return "", err
	}
	return all[stanza], nil
}

// RememberCluster writes it.
func RememberCluster(path, stanza, id string) error {
	all := map[string]string{}
	return state.Update(path, clusterSection, &all, func() { all[stanza] = id })
}

func rememberRanges(path, section, stanza string, moments map[string]time.Time) error {
	all := times{}
	return state.Update(path, section, &all, func() { all[stanza] = renamed(moments, asJSON) })
}

// asJSON is a key as JSON can hold it: the name of a database may be of any bytes, and JSON makes one sign of all that
// are no UTF-8. What another key would look like then is written so as well.
func asJSON(key string) string {
	if utf8.ValidString(key) && asKnown(key) == key {
		return key
	}
	return strconv.Quote(key)
}

// asKnown is the key that asJSON has written.
func asKnown(key string) string {
	if plain, err := strconv.Unquote(key); err == nil && key[0] == '"' {
		return plain
	}
	return key
}

// renamed has the same moments under other names.
func renamed(last map[string]time.Time, name func(string) string) map[string]time.Time {
	if last == nil {
		return nil
	}
	named := make(map[string]time.Time, len(last))
	for key, at := range last {
		named[name(key)] = at
	}
	return named
}

// Recall reads when the parts of a stanza were drilled last. A file that is not there is
// an empty memory; one that cannot be read is one too, and the error says why.
func Recall(path, stanza string) (map[string]time.Time, error) {
	return recall(path, drilledSection, stanza)
}

// Remember writes that a part was drilled, and forgets the parts that are in the window no
// more. Other stanzas' parts stay as they are.
func Remember(path, stanza string, parts []Part, drilled Part, at time.Time) error {
	all := times{}
	return state.Update(path, drilledSection, &all, func() {
		kept := map[string]time.Time{}
		for _, part := range parts {
			if last, ok := all[stanza][part.Key()]; ok {
				kept[part.Key()] = last
			}
		}
		kept[drilled.Key()] = at.UTC().Truncate(time.Second)
		all[stanza] = kept
	})
}
