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
	t, err := d.work(ctx, s.workers(d.Workers), "tables", tables, readAll)
	t.looked += fmt.Sprintf(" (%.1f MB without TOAST) in %d databases", float64(bytes)/1e6, len(s.databases))
	return t, err
}

// readAll reads one table. The table itself is copied, not a query on it: planning one
// evaluates expressions of indexes, which may fail for reasons of their own. What COPY
// leaves out of a table (stored generated columns) and cannot copy as such (materialized
// views) is read by a query; only damage counts there.
func readAll(ctx context.Context, conn *pgx.Conn, r relation) ([]finding, string, error) {
	query := fmt.Sprintf("(SELECT %s FROM ONLY %s)", r.generated, r.name)
	if r.kind == "r" {
		found, note, err := copyOut(ctx, conn, r, r.name)
		if err != nil || len(found) > 0 || note != "" || r.generated == "" {
			return found, note, err
		}
	}
	return copyOut(ctx, conn, r, query)
}

// copyOut reads what COPY can name. An error that is no damage is a note: the code of a
// query, a lock. Of a table itself there is none but those.
func copyOut(ctx context.Context, conn *pgx.Conn, r relation, what string) ([]finding, string, error) {
	_, err := conn.Exec(ctx, "COPY "+what+" TO '/dev/null' (FORMAT binary)")
	if err == nil {
		return nil, "", nil
	}
	answer, err := said(ctx, conn, err)
	if err != nil {
		return nil, "", err
	}
	if answer.Code == noBinary {
		if _, err = conn.Exec(ctx, "COPY "+what+" TO '/dev/null'"); err == nil {
			return nil, "", nil
		}
		if answer, err = said(ctx, conn, err); err != nil {
			return nil, "", err
		}
	}
	switch {
	case strings.Contains(answer.Message, "could not access file"): // the library of a type
		return []finding{about(r, answer, reason.ToolMissing, "its extension is not installed here: another -image has it")}, "", nil
	case answer.Code == lockHeld, what != r.name && !strings.HasPrefix(answer.Code, "XX"):
		return nil, passedOver(r, answer), nil
	}
	return []finding{about(r, answer, deepReason(answer.Code), "")}, "", nil
}
