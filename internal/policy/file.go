package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"veza.fr/recovery/internal/reason"
)

// Policy is what the backups are held against, as far as an operator may choose it.
type Policy struct {
	File           string // that it was read from; "" is the mission's
	URIStyle       string
	CompressType   string
	CompressLevel  int
	Fulls          int // that are kept
	Diffs          int // that are kept, fulls among them
	Archives       int // full backups whose WAL is kept
	ArchiveTimeout time.Duration
	Schedule       Schedule
	Since          time.Time // when the file was written; zero for the mission's
}

// Mission is the customer's own policy, which holds where no file says otherwise (mission, Backups 1 to 3).
func Mission() Policy {
	p, err := parse([]byte(mission))
	if err != nil {
		panic(err) // a test reads it
	}
	return p
}

const mission = `uri_style: path
compress_type: zst
compress_level: 3
retention_full: 4
retention_diff: 7
retention_archive: 4
archive_timeout: 60s
full: Sun *-*-* 02:00:00 UTC
diff: Mon..Sat *-*-* 02:00:00 UTC
`

// draft is a policy that is being read.
type draft struct {
	Policy
	full, diff []time.Duration
	lines      map[string]int // where each key stands
}

// fileKey is one that a file may have.
type fileKey struct {
	name string
	set  func(*draft, string) error // its error goes on with what the value must be
}

// levels are those of each compression (config.yaml of pgBackRest), and its own default.
var levels = map[string]struct{ most, standard int }{"zst": {22, 3}, "gz": {9, 6}, "lz4": {12, 1}, "bz2": {9, 9}}

var keys = []fileKey{
	{"uri_style", func(d *draft, v string) error {
		d.URIStyle = v
		return oneOf(v, "path", "host")
	}},
	{"compress_type", func(d *draft, v string) error {
		d.CompressType = v
		return oneOf(v, "zst", "gz", "lz4", "bz2")
	}},
	{"compress_level", func(d *draft, v string) (err error) { d.CompressLevel, err = count(v, 22); return err }},
	{"retention_full", func(d *draft, v string) (err error) { d.Fulls, err = count(v, mostKept); return err }},
	{"retention_diff", func(d *draft, v string) (err error) { d.Diffs, err = count(v, mostKept); return err }},
	{"retention_archive", func(d *draft, v string) (err error) { d.Archives, err = count(v, mostKept); return err }},
	{"archive_timeout", func(d *draft, v string) (err error) { d.ArchiveTimeout, err = parseTimeout(v); return err }},
	{"full", func(d *draft, v string) (err error) { d.full, err = parseTimes(v); return err }},
	{"diff", func(d *draft, v string) (err error) { d.diff, err = parseTimes(v); return err }},
}

const (
	mostKept    = 9999999 // the most that pgBackRest takes
	mostTimeout = day
)

// Read reads a policy file. Keys that it leaves out have the mission's values. Errors name file, line and key, and have
// the reason config_invalid.
func Read(file string) (Policy, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return Policy{}, reason.Wrap(reason.ConfigInvalid, err)
	}
	p, err := Parse(file, content)
	if info, failed := os.Stat(file); err == nil && failed == nil {
		p.Since = info.ModTime()
	}
	return p, err
}

// Parse is Read of what stands in the file.
func Parse(file string, content []byte) (Policy, error) {
	p, err := parse(content)
	if bad, ok := errors.AsType[*lineError](err); ok {
		return Policy{}, reason.Errorf(reason.ConfigInvalid, "%s:%d: %s", file, bad.line, bad.text)
	}
	if err != nil {
		return Policy{}, reason.Errorf(reason.ConfigInvalid, "%s: %w", file, err)
	}
	p.File = file
	return p, nil
}

// lineError is an error whose line is known.
type lineError struct {
	line int
	text string
}

func (e *lineError) Error() string { return e.text }

func inLine(line int, format string, args ...any) error {
	return &lineError{line: line, text: fmt.Sprintf(format, args...)}
}

// parse walks the document itself instead of decoding it: nothing is converted, merged, aliased or left out.
func parse(content []byte) (Policy, error) {
	d := draft{lines: map[string]int{}}
	for _, from := range []string{mission, string(content)} {
		fields, err := mapping([]byte(from))
		if err != nil {
			return Policy{}, err
		}
		clear(d.lines)
		for i := 0; i < len(fields); i += 2 {
			if err = d.take(fields[i], fields[i+1]); err != nil {
				return Policy{}, err
			}
		}
	}
	if most := levels[d.CompressType].most; d.CompressLevel > most {
		return Policy{}, inLine(d.line("compress_level", "compress_type"),
			"compress_level: %d is no level of %s: write 1 to %d", d.CompressLevel, d.CompressType, most)
	}
	if d.Archives > d.Fulls {
		return Policy{}, inLine(d.line("retention_archive", "retention_full"),
			"retention_archive: %d is more than the %d full backups of retention_full: no WAL would ever expire; "+
				"write %d or less", d.Archives, d.Fulls, d.Fulls)
	}
	d.Schedule = newSchedule(d.full, d.diff)
	return d.Policy, nil
}

// line is where the first of these keys stands.
func (d *draft) line(names ...string) int {
	for _, name := range names {
		if line, there := d.lines[name]; there {
			return line
		}
	}
	return 1
}

// mapping are the keys and values of the one document there must be.
func mapping(content []byte) ([]*yaml.Node, error) {
	const want = "it must hold keys and values of a policy, such as `retention_full: 4`"
	var document, second yaml.Node
	documents := yaml.NewDecoder(bytes.NewReader(content))
	switch err := documents.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil, errors.New("it is empty: " + want)
	case err != nil:
		return nil, fmt.Errorf("%w: %s", err, want)
	}
	if len(document.Content) == 0 {
		return nil, errors.New("it is empty: " + want)
	}
	top := document.Content[0]
	if top.Kind != yaml.MappingNode || len(top.Content) == 0 {
		return nil, inLine(top.Line, "%s", want)
	}
	if err := documents.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, errors.New("a second document begins behind the first: put all keys into one")
	}
	return top.Content, nil
}

// take takes one key with its value.
func (d *draft) take(name, value *yaml.Node) error {
	i := slices.IndexFunc(keys, func(k fileKey) bool { return k.name == name.Value })
	if i < 0 || name.Kind != yaml.ScalarNode {
		return inLine(name.Line, "%s is no key of a policy: there are %s", quoted(name.Value), names())
	}
	if line, twice := d.lines[name.Value]; twice {
		return inLine(name.Line, "%s stands at line %d already: take one of them out", name.Value, line)
	}
	d.lines[name.Value] = name.Line
	if value.Kind != yaml.ScalarNode || value.Value == "" {
		return inLine(value.Line, "%s must have one value; a calendar that begins with a star needs quotes", name.Value)
	}
	if err := keys[i].set(d, value.Value); err != nil {
		return inLine(value.Line, "%s: %s %v", name.Value, quoted(value.Value), err)
	}
	return nil
}

func names() string {
	var list []string
	for _, k := range keys {
		list = append(list, k.name)
	}
	return strings.Join(list, ", ")
}

// quoted is somebody's text for a message: escaped, and cut to a readable length.
func quoted(text string) string {
	const most = 100
	if len(text) > most {
		return strconv.QuoteToASCII(text[:most]) + "..."
	}
	return strconv.QuoteToASCII(text)
}

func oneOf(value string, choices ...string) error {
	if slices.Contains(choices, value) {
		return nil
	}
	return fmt.Errorf("must be one of %s", strings.Join(choices, ", "))
}

var plainCount = regexp.MustCompile(`^[1-9][0-9]{0,6}$`)

func count(value string, most int) (int, error) {
	n, err := strconv.Atoi(value)
	if !plainCount.MatchString(value) || err != nil || n > most {
		return 0, fmt.Errorf("must be a whole number from 1 to %d", most)
	}
	return n, nil
}

var timeoutForm = regexp.MustCompile(`^([1-9][0-9]{0,5})(s|min|h|)$`)

// parseTimeout reads a time as PostgreSQL writes it.
func parseTimeout(value string) (time.Duration, error) {
	parts := timeoutForm.FindStringSubmatch(value)
	if parts == nil {
		return 0, errors.New("must be a time as archive_timeout has it, such as 60s or 1min")
	}
	n, err := strconv.Atoi(parts[1])
	unit := map[string]time.Duration{"": time.Second, "s": time.Second, "min": time.Minute, "h": time.Hour}[parts[2]]
	if d := time.Duration(n) * unit; err == nil && d <= mostTimeout {
		return d, nil
	}
	return 0, fmt.Errorf("must be at most %s: until then a commit is in no archive", mostTimeout)
}
