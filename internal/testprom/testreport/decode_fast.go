package testreport

import (
	"strconv"
	"unicode/utf8"
)

// fast reads the flat objects that test2json writes, several times faster than
// encoding/json: most of a long stream is output. Whatever it is not sure of
// (an unknown key, a rare escape, doubtful UTF-8, a nested value) it leaves to
// encoding/json by returning false. FuzzDecode holds the two together.
func (d *decoder) fast(line []byte) bool {
	var next Event
	rest := line[1:]
	for {
		key, tail, ok := plain(rest)
		if !ok || len(tail) == 0 || tail[0] != ':' {
			return false
		}
		if rest, ok = d.field(&next, key, tail[1:]); !ok || len(rest) == 0 {
			return false
		}
		if rest[0] == '}' {
			d.event = next
			return len(rest) == 1
		}
		if rest[0] != ',' {
			return false
		}
		rest = rest[1:]
	}
}

// field reads the value that belongs to key into e.
func (d *decoder) field(e *Event, key, rest []byte) ([]byte, bool) {
	if string(key) == "Elapsed" {
		return number(&e.Elapsed, rest)
	}
	target := e.text(key)
	if target == nil || *target != "" {
		return nil, false
	}
	value, tail, ok := plain(rest)
	if ok {
		*target = d.intern(key, value)
		return tail, true
	}
	return escaped(target, rest)
}

// text is the field of that name; nil for names that are not known.
func (e *Event) text(key []byte) *string {
	switch string(key) {
	case "Time":
		return &e.Time
	case "Action":
		return (*string)(&e.Action)
	case "Package":
		return &e.Package
	case "Test":
		return &e.Test
	case "Output":
		return &e.Output
	case "FailedBuild":
		return &e.FailedBuild
	case "ImportPath":
		return &e.ImportPath
	case "Key":
		return &e.Key
	case "Value":
		return &e.Value
	}
	return nil
}

// intern keeps the string of the event before when it is the same again, as
// package, test and action mostly are.
func (d *decoder) intern(key, value []byte) string {
	if before := d.event.text(key); *before == string(value) {
		return *before
	}
	return string(value)
}

// plain reads a string without escapes; ok is false for any other.
func plain(b []byte) (value, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != '"' {
		return nil, nil, false
	}
	for i := 1; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return b[1:i], b[i+1:], true
		case c == '\\' || c < ' ' || c >= utf8.RuneSelf:
			return nil, nil, false
		}
	}
	return nil, nil, false
}

// escaped reads a string with the escapes that are common in output.
func escaped(target *string, b []byte) ([]byte, bool) {
	if len(b) == 0 || b[0] != '"' {
		return nil, false
	}
	text := make([]byte, 0, min(len(b), 256))
	for i := 1; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			*target = string(text)
			return b[i+1:], utf8.Valid(text)
		case c < ' ':
			return nil, false
		case c != '\\':
			text = append(text, c)
		default:
			r, size := unescape(b[i+1:])
			if size == 0 {
				return nil, false
			}
			text = append(text, r)
			i += size
		}
	}
	return nil, false
}

// unescape reads what follows a backslash: the byte and the bytes it took, 0
// for what is left to encoding/json.
func unescape(b []byte) (value byte, size int) {
	if len(b) == 0 {
		return 0, 0
	}
	switch b[0] {
	case 'n':
		return '\n', 1
	case 't':
		return '\t', 1
	case '"', '\\', '/':
		return b[0], 1
	case 'u':
		if len(b) < 5 {
			return 0, 0
		}
		code, err := strconv.ParseUint(string(b[1:5]), 16, 16)
		if err != nil || code >= utf8.RuneSelf {
			return 0, 0
		}
		return byte(code), 5
	}
	return 0, 0
}

// number reads a plain decimal number.
func number(target *float64, b []byte) ([]byte, bool) {
	end := 0
	for end < len(b) && (b[end] == '.' || '0' <= b[end] && b[end] <= '9') {
		end++
	}
	value, err := strconv.ParseFloat(string(b[:end]), 64)
	if err != nil || b[0] == '.' || b[end-1] == '.' || (end > 1 && b[0] == '0' && b[1] != '.') {
		return nil, false
	}
	*target = value
	return b[end:], true
}
