package postgres

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/reason"
)

// What this machine cannot load is told from damage, whose codes it shares, and from what a function of the data, a
// name in it, or a check says.
func TestLacksLibrary(t *testing.T) {
	const dfmgr = "../src/backend/utils/fmgr/dfmgr.c"
	for lacks, answers := range map[bool][]pgconn.PgError{
		true: {
			{Code: "58P01", File: "dfmgr.c", Message: `could not access file "$libdir/vector": gone`},
			{Code: "58P01", File: dfmgr, Message: `could not load library "/usr/lib/postgresql/15/lib/postgis-3.so": ` +
				`libgeos_c.so.1: cannot open shared object file: No such file or directory`},
			{Code: "XX000", File: "dfmgr.c", Message: `incompatible library "/lib/rum.so": version mismatch`},
			{Code: "42883", File: "dfmgr.c", Message: `could not find function "halfvec_send" in file "/x.so"`},
			{Code: "58P01", File: "dfmgr.c", Message: "konnte nicht auf Datei »vector« zugreifen"},
			{Code: "XX000", File: "extension_utils.c", Message: `extension "timescaledb" must be preloaded`},
			{
				Code: "XX000", File: "shared_library_init.c",
				Message: "Citus can only be loaded via shared_preload_libraries",
			},
			{Code: "55000", File: "x.c", Message: `pg_stat_statements must be loaded via "shared_preload_libraries"`},
			{Code: "0A000", File: "extension.c", Message: `extension "timescaledb" version mismatch: shared library ` +
				`version 2.11.0; SQL version 2.15.1`},
			{Code: "XX000", File: "metadata_cache.c", Message: "loaded Citus library version differs from installed " +
				"extension version"},
		},
		false: {
			{Code: "XX000", File: "heaptoast.c", Message: "missing chunk number 0 for toast value 1 in pg_toast_2"},
			{Code: "58P01", File: "md.c", Message: `could not open file "base/5/1": No such file or directory`},
			{Code: "42883", File: "parse_func.c", Message: "function halfvec_send(text) does not exist"},
			{Code: "53200", File: "dfmgr.c", Message: "out of memory"},
			{Code: "XX000", File: "pl_exec.c", Message: `extension "timescaledb" must be preloaded`},
			{Code: "58P01", File: "pl_exec.c", Message: `could not access file "$libdir/vector"`},
			{Code: "XX002", File: "nbtpage.c", Message: `index "must be preloaded" contains corrupted page at block 3`},
			{Code: "XX000", File: "nbtinsert.c", Message: `failed to re-find tuple within index "must be preloaded"`},
			{Code: "XX000", File: "x.c", Message: `no row of "shared_preload_libraries" is whole`},
			{
				Code: "22P02", File: "numutils.c",
				Message: `invalid input syntax for type integer: "shared_preload_libraries"`,
			},
		},
	} {
		for _, answer := range answers {
			assert.Equal(t, lacks, LacksLibrary(&answer), answer.Message)
			why, _ := reason.Of(MissingLibrary(&answer))
			assert.Equal(t, lacks, why == reason.ToolMissing, answer.Message)
		}
	}
	assert.NoError(t, MissingLibrary(errors.New("EOF")))
}

// Each kind of lack has its own way out.
func TestLibraryHint(t *testing.T) {
	for words, hint := range map[string]string{
		`extension "timescaledb" must be preloaded`: "/etc/postgresql",
		`could not access file "vector"`:            "not as production",
	} {
		assert.Contains(t, LibraryHint(&pgconn.PgError{Message: words}), hint)
	}
}
