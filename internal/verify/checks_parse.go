package verify

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"veza.fr/recovery/internal/reason"
)

var (
	checkKeys = []string{"name", "database", "query", "min", "equals", "max_age"} // three texts, three criteria
	// A name is a label value and part of an attribute key, which holds no white space (facts C3).
	checkName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,64}$`)
	// Numbers are taken as they are written: no exponent, no octal, no rounding to a float.
	plainNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,39})(\.[0-9]{1,40})?$`)
	// What the library says of a broken document; its line is where the list began, or one less.
	yamlError = regexp.MustCompile(`^yaml: (line [0-9]+: )?`)
)

// ParseChecks reads a YAML list of checks. It walks the document itself instead of
// decoding it: nothing is converted, merged, aliased or left out, and every error
// names file and line and has reason config_invalid.
func ParseChecks(file string, content []byte, database string) ([]Check, error) {
	checks, err := parseChecks(content, database)
	if err == nil {
		return checks, nil
	}
	if bad, ok := errors.AsType[*lineError](err); ok {
		return nil, reason.Errorf(reason.ConfigInvalid, "%s:%d: %s", file, bad.line, bad.text)
	}
	return nil, reason.Errorf(reason.ConfigInvalid, "%s: %w", file, err)
}

// lineError is an error whose line is known.
type lineError struct {
	line int
	text string
}

func (e *lineError) Error() string { return e.text }

func at(node *yaml.Node, format string, args ...any) error {
	return &lineError{line: node.Line, text: fmt.Sprintf(format, args...)}
}

func parseChecks(content []byte, database string) ([]Check, error) {
	list, err := parseList(content)
	if err != nil {
		return nil, err
	}
	checks := make([]Check, 0, len(list.Content))
	lines := make(map[string]int)
	for _, node := range list.Content {
		check, err := parseCheck(node, database)
		if err != nil {
			return nil, err
		}
		if line, twice := lines[check.Name]; twice {
			return nil, at(node, "the name %s stands at line %d already: every check needs one of its own", check.Name,
				line)
		}
		lines[check.Name] = node.Line
		checks = append(checks, check)
	}
	return checks, nil
}

// parseList finds the one list the file must hold.
func parseList(content []byte) (*yaml.Node, error) {
	const want = "the file must hold one YAML list of checks, each with name, query, and one of min, equals, max_age"
	documents := yaml.NewDecoder(bytes.NewReader(content))
	document, err := next(documents)
	if err != nil {
		return nil, broken(content, err)
	}
	if document == nil {
		return nil, errors.New("no check stands in it, so nothing would be proved; " + want)
	}
	list := document.Content[0]
	if list.Kind != yaml.SequenceNode {
		return nil, at(list, "%s", want)
	}
	if second, err := next(documents); err != nil {
		return nil, broken(content, err)
	} else if second != nil {
		return nil, errors.New("a second document begins after the first: " + want)
	}
	if len(list.Content) == 0 {
		return nil, at(list, "the list is empty, so nothing would be proved")
	}
	return list, nil
}

// next is the next document of the file in which anything stands; nil when none follows. Behind an empty one there
// may be another, whose checks would be passed over in silence.
func next(documents *yaml.Decoder) (*yaml.Node, error) {
	for {
		var document yaml.Node
		err := documents.Decode(&document)
		switch {
		case errors.Is(err, io.EOF):
			return nil, nil
		case err != nil:
			return nil, err
		case len(document.Content) > 0 && !isEmpty(document.Content[0]):
			return &document, nil
		}
	}
}

// isEmpty says whether a document's node is what YAML makes of nothing.
func isEmpty(node *yaml.Node) bool { return node.ShortTag() == "!!null" && node.Value == "" }

// broken is an error with the line where the file stops being YAML: the one after the longest
// beginning that is.
func broken(content []byte, err error) error {
	lines := bytes.SplitAfter(content, []byte("\n"))
	whole := len(lines) - 1
	for ; whole > 0; whole-- {
		var document yaml.Node
		documents := yaml.NewDecoder(bytes.NewReader(bytes.Join(lines[:whole], nil)))
		failure := documents.Decode(&document)
		for failure == nil {
			failure = documents.Decode(&document)
		}
		if errors.Is(failure, io.EOF) {
			break
		}
	}
	return &lineError{line: whole + 1, text: yamlError.ReplaceAllString(err.Error(), "")}
}

// parseCheck reads one item of the list.
func parseCheck(node *yaml.Node, database string) (Check, error) {
	fields, err := fieldsOf(node)
	if err != nil {
		return Check{}, err
	}
	c := Check{Database: database}
	for i, target := range []*string{&c.Name, &c.Database, &c.Query} {
		if value, ok := fields[checkKeys[i]]; ok {
			if *target, err = textOf(value, checkKeys[i]); err != nil {
				return Check{}, err
			}
		}
	}
	if !checkName.MatchString(c.Name) {
		return Check{}, at(node, "the check needs a name of 1 to 64 letters, digits, `_`, `.` or `-`, not %q", c.Name)
	}
	if c.Query == "" {
		return Check{}, at(node, "check %s has no query", c.Name)
	}
	c.Expect, err = criterionOf(node, c.Name, fields)
	return c, err
}

// fieldsOf takes a mapping apart: known keys only, each once.
func fieldsOf(node *yaml.Node) (map[string]*yaml.Node, error) {
	if node.Kind != yaml.MappingNode {
		return nil, at(node, "a check is a mapping of name, query and what is expected")
	}
	fields := make(map[string]*yaml.Node)
	for i := 0; i+1 < len(node.Content); i += 2 { // key, value, key, value
		key := node.Content[i]
		if _, twice := fields[key.Value]; twice {
			return nil, at(key, "%q stands twice in one check", key.Value)
		}
		if !slices.Contains(checkKeys, key.Value) {
			return nil, at(key, "%q is unknown: a check has %s", key.Value, strings.Join(checkKeys, ", "))
		}
		fields[key.Value] = node.Content[i+1]
	}
	return fields, nil
}

// criterionOf reads the one of min, equals and max_age that must be there.
func criterionOf(node *yaml.Node, name string, fields map[string]*yaml.Node) (Criterion, error) {
	var found []string
	for _, key := range checkKeys[3:] {
		if _, ok := fields[key]; ok {
			found = append(found, key)
		}
	}
	if len(found) != 1 {
		return nil, at(node, "check %s has %d of min, equals and max_age, and needs exactly one", name, len(found))
	}
	value := fields[found[0]]
	switch found[0] {
	case "min":
		return minOf(value)
	case "max_age":
		return maxAgeOf(value)
	default:
		return equalsOf(value)
	}
}

func minOf(node *yaml.Node) (Criterion, error) {
	n, err := numberOf(node)
	if err != nil {
		return nil, err
	}
	if n.rat.Sign() <= 0 {
		return nil, at(node, "min must be more than 0: no count is ever less, so it would prove nothing")
	}
	return Min{n}, nil
}

func maxAgeOf(node *yaml.Node) (Criterion, error) {
	text, err := textOf(node, "max_age")
	if err != nil {
		return nil, err
	}
	limit, err := time.ParseDuration(text)
	if err != nil || limit <= 0 {
		return nil, at(node, "max_age must be a duration of more than 0 with a unit, such as 90s, 15m or 26h, not %q",
			text)
	}
	return MaxAge{limit}, nil
}

func equalsOf(node *yaml.Node) (Criterion, error) {
	switch kindOf(node) {
	case isBool:
		return Equals{strings.EqualFold(node.Value, "true")}, nil
	case isText:
		return Equals{node.Value}, nil
	case isNumber:
		number, err := numberOf(node)
		return Equals{number}, err
	default:
		return nil, at(node, "equals must be a number, true, false, or text")
	}
}

func numberOf(node *yaml.Node) (Number, error) {
	if kindOf(node) == isNumber && plainNumber.MatchString(node.Value) {
		if rat, ok := new(big.Rat).SetString(node.Value); ok {
			return Number{rat}, nil
		}
	}
	return Number{}, at(node, "%q must be a plain decimal number, such as 1000 or 0.5", node.Value)
}

// textOf is a value that must be text and not blank.
func textOf(node *yaml.Node, key string) (string, error) {
	text := ""
	if kindOf(node) == isText {
		text = strings.TrimSpace(node.Value)
	}
	if text == "" || strings.ContainsRune(text, 0) {
		return "", at(node, "%s must be text, and not empty; quote what YAML takes for something else", key)
	}
	return text, nil
}

// kind is what a value of a check may be.
type kind int

const (
	isNothing kind = iota // a list, a mapping, an alias, null
	isText
	isNumber
	isBool
)

// kindOf is what a value is as it is written. One with an anchor or a tag of its own is none: a check
// means what stands there.
func kindOf(node *yaml.Node) kind {
	if node.Kind != yaml.ScalarNode || node.Anchor != "" || node.Style&yaml.TaggedStyle != 0 {
		return isNothing
	}
	switch node.ShortTag() {
	case "!!int", "!!float":
		return isNumber
	case "!!bool":
		return isBool
	case "!!str", "!!timestamp": // a date is text until it is compared
		return isText
	}
	return isNothing
}
