package drill

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/wal"
)

// mostRedirected bounds how many tablespaces a drill redirects that were made after the backup: each has the replay
// begin again. A restore for real has no bound.
const mostRedirected = 10

// redirected looks whether the replay ended where a tablespace was made after the backup, which the
// seal keeps from its place outside. Then that tablespace gets a place in the sandbox, and the
// server may be started again.
func (r *recovered) redirected(ctx context.Context, out suite.Out, failed error) bool {
	if ctx.Err() != nil || !blamesServer(failed) || len(r.made) == mostRedirected {
		return false
	}
	content, err := r.box.Read(ctx, r.cluster.server.LogFile)
	made, ok := postgres.FailedTablespace(string(content))
	if err != nil || !ok || slices.Contains(r.made, made) {
		return false
	}
	r.made = append(r.made, made)
	place := path.Join(r.box.Dir("tblspc"), strconv.FormatUint(uint64(made.OID), 10))
	if err = r.redirect(ctx, made, place); err != nil {
		out.Note("tablespace %d, made after the backup at %s, could not be redirected into the sandbox: %s", made.OID,
			pgbackrest.Printable(made.Location), pgbackrest.Printable(err.Error()))
		return false
	}
	out.Note("tablespace %d was made after the backup, at %s: it is redirected into the sandbox, and the replay "+
		"begins again; a restore needs that directory, empty and postgres's own, before it is started", made.OID,
		pgbackrest.Printable(made.Location))
	return true
}

// redirect links the place of a tablespace to a directory, and has recovery read the record that makes
// it as one that is made there.
func (r *recovered) redirect(ctx context.Context, made postgres.Tablespace, place string) error {
	server, oid := r.cluster.server, strconv.FormatUint(uint64(made.OID), 10)
	if err := server.UnsealTablespaces(ctx); err != nil {
		return err
	}
	changed := path.Join(r.box.Dir("spool"), "changed")
	first := len(r.made) == 1
	steps := [][]string{
		{"mkdir", "-p", "-m", "0700", place, changed}, {"ln", "-s", place, path.Join(server.Data, "pg_tblspc", oid)},
	}
	if first { // what an earlier recovery changed is of another replay
		steps = append([][]string{{"rm", "-rf", changed}}, steps...)
	}
	for _, argv := range steps {
		if _, err := r.box.Run(ctx, host.Command{Argv: argv}); err != nil {
			return err
		}
	}
	if err := r.changeSegment(ctx, made, changed); err != nil {
		return err
	}
	if first {
		if err := server.RestoreFirstFrom(ctx, changed); err != nil {
			return err
		}
	}
	// What the server said before counts no more.
	if err := r.box.Put(ctx, server.LogFile, nil, 0o600, ""); err != nil {
		return err
	}
	return server.SealTablespaces(ctx)
}

// changeSegment brings the archived segment in which a tablespace is made, and changes the records of
// all that are redirected in it.
func (r *recovered) changeSegment(ctx context.Context, made postgres.Tablespace, directory string) error {
	size := r.plan.segmentSize
	at := slices.IndexFunc(r.plan.chain.Entries, func(e wal.Entry) bool { return e.Number == uint64(made.At)/size })
	if at < 0 {
		return fmt.Errorf("the segment at %s is not in the archive", made.At)
	}
	file := path.Join(directory, r.plan.chain.Entries[at].Name)
	content, err := r.box.Read(ctx, file) // one before it may be in there
	if errors.Is(err, fs.ErrNotExist) {
		if err = r.repo.Pgbackrest.ArchiveGet(ctx, r.plan.chain.Entries[at].Name, file); err == nil {
			content, err = r.box.Read(ctx, file)
		}
	}
	if err == nil {
		err = wal.InPlace(content, made.At, made.OID, made.Location)
	}
	if err != nil {
		return err
	}
	return r.box.Put(ctx, file, content, 0o600, "")
}
