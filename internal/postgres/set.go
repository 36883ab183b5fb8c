package postgres

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// What a session of the drill is set up with is said with SET: a database may have taken set_config(), like any other
// function, from everybody but superusers (REVOKE EXECUTE ON FUNCTION ... FROM PUBLIC). SET nobody can take away.

// listsOfNames are the settings whose value is a list in which the server quotes each name (pg_dump's
// variable_is_guc_list_quote): as one text it would be one name.
var listsOfNames = []string{
	"search_path", "temp_tablespaces", "local_preload_libraries", "session_preload_libraries",
}

// setStatement is the statement that gives a setting the value that the catalogs or SHOW have of it.
func setStatement(name, value string) string {
	values := []string{value}
	if slices.Contains(listsOfNames, name) {
		values = splitNames(value)
	}
	for i, v := range values {
		values[i] = literal(v)
	}
	return "SET " + pgx.Identifier(strings.Split(name, ".")).Sanitize() + " = " + strings.Join(values, ", ")
}

// literal is a text as a constant that means the same whatever standard_conforming_strings is.
func literal(text string) string {
	return "E'" + strings.NewReplacer(`\`, `\\`, `'`, `''`, "\x00", "").Replace(text) + "'"
}

// splitNames are the names in a list, as PostgreSQL reads it (its SplitIdentifierString): lower case, or in quotes. An
// empty list is one empty name, which is how SET writes it.
func splitNames(list string) (names []string) {
	const space = " \t\n\r\f\v"
	for rest, more := list, true; more; {
		var name string
		rest = strings.TrimLeft(rest, space)
		if behind, quoted := strings.CutPrefix(rest, `"`); quoted {
			name, rest = untilQuote(behind)
			_, rest, more = strings.Cut(rest, ",") // nothing but space stands before it
		} else {
			name, rest, more = strings.Cut(rest, ",")
			name = lowerASCII(strings.TrimRight(name, space))
		}
		names = append(names, name)
	}
	return names
}

// untilQuote is what stands before a closing quote, and what behind it; two quotes are one that closes nothing.
func untilQuote(text string) (name, rest string) {
	for {
		part, behind, _ := strings.Cut(text, `"`)
		name += part
		again, two := strings.CutPrefix(behind, `"`)
		if !two {
			return name, behind
		}
		name, text = name+`"`, again
	}
}

// lowerASCII leaves bytes that are no ASCII as they are: they may be no UTF-8 either.
func lowerASCII(text string) string {
	lower := []byte(text)
	for i, b := range lower {
		if 'A' <= b && b <= 'Z' {
			lower[i] = b + 'a' - 'A'
		}
	}
	return string(lower)
}

// standsFor is a search_path in which "$user" is a role that the session is not of; false where it names none.
func standsFor(path, role string) (string, bool) {
	names := splitNames(path)
	if !slices.Contains(names, "$user") {
		return path, false
	}
	for i, name := range names {
		if name == "$user" {
			name = role
		}
		names[i] = pgx.Identifier{name}.Sanitize()
	}
	return strings.Join(names, ", "), true
}

// SetIfKnown gives a session a setting that only some versions know. Not in a transaction, which the refusal would end.
func SetIfKnown(ctx context.Context, conn *pgx.Conn, name, value string) error {
	const unknown = "42704"
	_, err := conn.Exec(ctx, setStatement(name, value))
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.Code == unknown {
		return nil
	}
	return err
}

// AsStored has a session hand out names, and all that is text, as the bytes they are stored as.
func AsStored(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, setStatement("client_encoding", conn.PgConn().ParameterStatus("server_encoding")))
	return err
}

// Major is the major version of the server that a session is of, by what it said of itself at the start of that; 0 is
// not known.
func Major(conn *pgx.Conn) int {
	version := conn.PgConn().ParameterStatus("server_version")
	end := strings.IndexFunc(version, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(version)
	}
	major, _ := strconv.Atoi(version[:end])
	return major
}
