package postgres

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"veza.fr/recovery/internal/host"
)

// ofRelations are the files that pg_checksums looks at and that belong to a relation, and those it passes over by
// their names (pg_checksums.c, skipfile). It takes every other file below these directories for one of a relation: it
// dies where the number after a dot is none, or the file ends within a page, and calls the rest damaged.
const ofRelations = `^(base/[0-9]+|global|pg_tblspc/[0-9]+/PG_[0-9.]+_[0-9]+/[0-9]+)/` +
	`([0-9]+(_(fsm|vm|init))?(\.[1-9][0-9]*)?|pg_control|pg_filenode\.map|PG_VERSION|pg_internal\.init.*)$` +
	`|(^|/)pgsql_tmp`

var ofRelation = regexp.MustCompile(ofRelations)

// listStrays prints the others. No link is followed but those of tablespaces: what others lead to is not the cluster's.
const listStrays = `cd -- "$0" || exit
set -- "$1" base global pg_tblspc
for dir in pg_tblspc/*/PG_*/; do if [ -d "$dir" ] && [ ! -h "${dir%/}" ]; then set -- "$@" "$dir"; fi; done
pattern=$1
shift
find "$@" -type f | LC_ALL=C grep -Ev "$pattern" || [ $? -eq 1 ]`

// A name that begins so is passed over by every version of pg_checksums (PG_TEMP_FILE_PREFIX).
const (
	hideStrays = `cd -- "$0" && n=0 && while IFS= read -r f; do
n=$((n + 1)); mv -- "$f" "${f%/*}/pgsql_tmp.veza.$n"; done`
	showStrays = `cd -- "$0" && n=0 && while IFS= read -r f; do
n=$((n + 1)); mv -- "${f%/*}/pgsql_tmp.veza.$n" "$f"; done`
)

// strays are the files of no relation that pg_checksums would take for one, by names relative to the data directory.
func (s *Server) strays(ctx context.Context) ([]string, error) {
	out, err := s.Host.Run(ctx, host.Command{Argv: []string{"sh", "-c", listStrays, s.Data, ofRelations}})
	if err != nil {
		return nil, err
	}
	found := strings.FieldsFunc(string(out.Stdout), func(c rune) bool { return c == '\n' })
	slices.Sort(found)
	return slices.Compact(found), nil
}

// hide gives strays names that pg_checksums passes over; show gives them their own again. One that cannot
// be renamed stays as it is: where pg_checksums ends at it, that is said.
func (s *Server) hide(ctx context.Context, strays []string) (show func()) {
	names := strings.Join(strays, "\n") + "\n"
	rename := func(ctx context.Context, script string) {
		_, _ = s.Host.Run(ctx, host.Command{
			Argv: []string{"sh", "-c", script, s.Data}, Stdin: strings.NewReader(names),
		})
	}
	rename(ctx, hideStrays)
	return func() {
		after, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		rename(after, showStrays)
	}
}
