package verify

import (
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"veza.fr/recovery/internal/reason"
)

var (
	checkKeys = []string{"name", "database", "query", "min", "equals", "max_age"} // three texts, three criteria
	// A name is a label value and part of an attribute key, which holds no white space (facts C3).
	checkName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,64}$`)
	// Numbers are taken as they are written: no exponent, no octal, no rounding to a float.
	plainNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,39})(\.[0-9]{1,40})?$`)
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

func at(node ast.Node, format string, args ...any) error {
	return &lineError{line: node.GetToken().Position.Line, text: fmt.Sprintf(format, args...)}
}

func parseChecks(content []byte, database string) ([]Check, error) {
	list, err := parseList(content)
	if err != nil {
		return nil, err
	}
	checks := make([]Check, 0, len(list.Values))
	lines := make(map[string]int)
	for _, node := range list.Values {
		check, err := parseCheck(node, database)
		if err != nil {
			return nil, err
		}
		if line, twice := lines[check.Name]; twice {
			return nil, at(node, "the name %s stands at line %d already: every check needs one of its own", check.Name,
				line)
		}
		lines[check.Name] = node.GetToken().Position.Line
		checks = append(checks, check)
	}
	return checks, nil
}

// parseList finds the one list the file must hold.
func parseList(content []byte) (*ast.SequenceNode, error) {
	const want = "the file must hold one YAML list of checks, each with name, query, and one of min, equals, max_age"
	file, err := parser.ParseBytes(content, 0)
	if bad, ok := errors.AsType[yaml.Error](err); ok {
		return nil, &lineError{line: bad.GetToken().Position.Line, text: bad.GetMessage()}
	}
	if err != nil {
		return nil, err
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return nil, errors.New("no check stands in it, so nothing would be proved; " + want)
	}
	if len(file.Docs) > 1 {
		return nil, errors.New("a second document begins after the first: " + want)
	}
	list, ok := file.Docs[0].Body.(*ast.SequenceNode)
	if !ok {
		return nil, at(file.Docs[0].Body, "%s", want)
	}
	if len(list.Values) == 0 {
		return nil, at(list, "the list is empty, so nothing would be proved")
	}
	return list, nil
}

// parseCheck reads one item of the list.
func parseCheck(node ast.Node, database string) (Check, error) {
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
func fieldsOf(node ast.Node) (map[string]ast.Node, error) {
	mapping, ok := node.(ast.MapNode)
	if !ok {
		return nil, at(node, "a check is a mapping of name, query and what is expected")
	}
	fields := make(map[string]ast.Node)
	for pair := mapping.MapRange(); pair.Next(); {
		key := pair.Key().GetToken().Value
		if _, twice := fields[key]; twice {
			return nil, at(pair.Key(), "%q stands twice in one check", key)
		}
		if !slices.Contains(checkKeys, key) {
			return nil, at(pair.Key(), "%q is unknown: a check has %s", key, strings.Join(checkKeys, ", "))
		}
		fields[key] = pair.Value()
	}
	return fields, nil
}

// criterionOf reads the one of min, equals and max_age that must be there.
func criterionOf(node ast.Node, name string, fields map[string]ast.Node) (Criterion, error) {
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

func minOf(node ast.Node) (Criterion, error) {
	n, err := numberOf(node)
	if err != nil {
		return nil, err
	}
	if n.rat.Sign() <= 0 {
		return nil, at(node, "min must be more than 0: no count is ever less, so it would prove nothing")
	}
	return Min{n}, nil
}

func maxAgeOf(node ast.Node) (Criterion, error) {
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

func equalsOf(node ast.Node) (Criterion, error) {
	switch n := node.(type) {
	case *ast.BoolNode:
		return Equals{n.Value}, nil
	case *ast.StringNode, *ast.LiteralNode:
		return Equals{stringOf(n)}, nil
	case *ast.IntegerNode, *ast.FloatNode:
		number, err := numberOf(node)
		return Equals{number}, err
	default:
		return nil, at(node, "equals must be a number, true, false, or text")
	}
}

func numberOf(node ast.Node) (Number, error) {
	text := node.GetToken().Value
	switch node.(type) {
	case *ast.IntegerNode, *ast.FloatNode:
		if plainNumber.MatchString(text) {
			if rat, ok := new(big.Rat).SetString(text); ok {
				return Number{rat}, nil
			}
		}
	}
	return Number{}, at(node, "%q must be a plain decimal number, such as 1000 or 0.5", text)
}

// textOf is a value that must be text and not blank.
func textOf(node ast.Node, key string) (string, error) {
	text := strings.TrimSpace(stringOf(node))
	if text == "" || strings.ContainsRune(text, 0) {
		return "", at(node, "%s must be text, and not empty; quote what YAML takes for something else", key)
	}
	return text, nil
}

// stringOf is a string's content, "" for any other node.
func stringOf(node ast.Node) string {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value
	case *ast.LiteralNode:
		return n.Value.Value
	default:
		return ""
	}
}
