package target

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/google/renameio/v2"
)

// memoryMode lets everybody read it: there are labels of backups in it, no secrets.
const memoryMode = 0o644

// memory is the state file: when each part was drilled last, and when each range of blocks was compared
// last, by stanza.
type memory struct {
	Drilled  map[string]map[string]time.Time `json:"drilled"`
	Compared map[string]map[string]time.Time `json:"compared,omitempty"`
}

// RecallCompared reads when ranges of blocks of a stanza were compared last, as Recall does.
func RecallCompared(path, stanza string) (map[string]time.Time, error) {
	all, err := read(path)
	return renamed(all.Compared[stanza], asKnown), err
}

// RememberCompared writes when ranges of blocks were compared last. It takes the place of what was known of
// the stanza.
func RememberCompared(path, stanza string, last map[string]time.Time) error {
	m, _ := read(path) // what cannot be read was reported when it was recalled
	if m.Compared == nil {
		m.Compared = map[string]map[string]time.Time{}
	}
	m.Compared[stanza] = renamed(last, asJSON)
	return m.write(path)
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
	all, err := read(path)
	return all.Drilled[stanza], err
}

func read(path string) (m memory, err error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err == nil {
		err = json.Unmarshal(content, &m)
	}
	if err != nil {
		return memory{}, fmt.Errorf("-state %s cannot be read, and is begun anew: %w", path, err)
	}
	return m, nil
}

// Remember writes that a part was drilled, and forgets the parts that are in the window no
// more. Other stanzas' parts stay as they are.
func Remember(path, stanza string, parts []Part, drilled Part, at time.Time) error {
	m, _ := read(path) // what cannot be read was reported when it was recalled
	if m.Drilled == nil {
		m.Drilled = map[string]map[string]time.Time{}
	}
	kept := map[string]time.Time{}
	for _, part := range parts {
		if last, ok := m.Drilled[stanza][part.Key()]; ok {
			kept[part.Key()] = last
		}
	}
	kept[drilled.Key()] = at.UTC().Truncate(time.Second)
	m.Drilled[stanza] = kept
	return m.write(path)
}

// write replaces the file as a whole.
func (m memory) write(path string) error {
	content, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	err = renameio.WriteFile(path, append(content, '\n'), memoryMode, renameio.WithTempDir(filepath.Dir(path)),
		renameio.WithStaticPermissions(memoryMode))
	if err != nil {
		return fmt.Errorf("-state: %w", err)
	}
	return nil
}
