package verify

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/reason"
)

// noBinary is the code of a type that has no binary form, such as aclitem.
const noBinary = "42883"

// fullRead reads every row of every table on the server, with what is stored out of line:
// COPY in binary form is the cheapest that does (facts H).
func (d Deep) fullRead(ctx context.Context, s survey) (tally, error) {
	tables := s.of(func(r relation) bool { return r.kind == "r" || r.kind == "m" })
	var bytes int64
	for _, r := range tables {
		bytes += r.size
	}
	t, err := d.work(ctx, "tables", tables, readAll)
	t.notes = append(t.notes, s.notes...)
	t.looked += fmt.Sprintf(" (%.1f MB without TOAST) in %d databases", float64(bytes)/1e6, len(s.databases))
	return t, err
}

// readAll reads one table. Virtual columns are not stored, and may raise errors of their own.
func readAll(ctx context.Context, conn *pgx.Conn, r relation) ([]finding, error) {
	query := fmt.Sprintf("COPY (SELECT %s FROM ONLY %s) TO '/dev/null'", r.columns, r.name)
	_, err := conn.Exec(ctx, query+" (FORMAT binary)")
	if err == nil {
		return nil, nil
	}
	answer, err := said(ctx, conn, err)
	if err != nil {
		return nil, err
	}
	if answer.Code == noBinary {
		if _, err = conn.Exec(ctx, query); err == nil {
			return nil, nil
		}
		if answer, err = said(ctx, conn, err); err != nil {
			return nil, err
		}
	}
	if strings.Contains(answer.Message, "could not access file") { // the library of a type
		return []finding{about(r, answer, reason.ToolMissing, "its extension is not installed here: another -image has it")}, nil
	}
	return []finding{about(r, answer, deepReason(answer.Code), "")}, nil
}
