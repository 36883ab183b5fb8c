package postgres

import (
	"context"
	"path"
	"regexp"

	"veza.fr/recovery/internal/host"
)

// SealTablespaces takes the right to change pg_tblspc away for the time of the
// replay. What the backup holds is linked already, into the sandbox. The replay of a CREATE
// TABLESPACE that came after it would link the original place instead, whatever was
// mapped (facts A2), and write old pages over the current ones when that place is on this
// machine; sealed, the replay ends there: see Log.Outside.
func (s *Server) SealTablespaces(ctx context.Context) error { return s.chmodTablespaces(ctx, "0500") }

// UnsealTablespaces gives it back once recovery is over.
func (s *Server) UnsealTablespaces(ctx context.Context) error { return s.chmodTablespaces(ctx, "0700") }

func (s *Server) chmodTablespaces(ctx context.Context, mode string) error {
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	_, err := s.Host.Run(ctx, host.Command{Argv: []string{"chmod", mode, path.Join(s.Data, "pg_tblspc")}})
	return err
}

// sealedLink is how PostgreSQL says that the seal held; createdAt is the place the
// record names, in the CONTEXT line after it (tblspcdesc.c).
var (
	sealedLink = regexp.MustCompile(`could not (create|remove) symbolic link "pg_tblspc/\d+": Permission denied`)
	createdAt  = regexp.MustCompile(`Tablespace/CREATE: \d+ "([^"]*)"`)
)
