package repository

import (
	"context"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/sandbox"
)

// Client asks a repository with the pgBackRest of one machine, by a copy of the conf there.
type Client struct {
	Repository
	Pgbackrest *pgbackrest.Client

	doubt error // what looks wrong with the object store's certificate
}

// Equip puts the conf onto a machine, with the files it names unless the machine sees those
// of this one (sameFiles), and returns a client that asks from there. doubt is that of Reach;
// nil where the machine was not asked.
func (r Repository) Equip(ctx context.Context, on sandbox.Sandbox, sameFiles bool, doubt error) (Client, error) {
	var files map[string][]byte
	var ca string
	var err error
	if sameFiles {
		err = r.readable(ctx, on)
	} else {
		files, ca, err = r.confFiles(on)
	}
	if err != nil {
		return Client{}, err
	}
	if err = r.Conf.install(ctx, on, files); err != nil {
		return Client{}, err
	}
	command := r.command(on)
	command.CAFile, command.Doubt = ca, doubt != nil
	return Client{Repository: r, Pgbackrest: command, doubt: doubt}, nil
}

// OnNode is a client that asks from the node itself, by its own conf and not by a copy: restore writes its path
// into restore_command, and those of its locks and logs, which must hold when the run is over.
func (r Repository) OnNode(on sandbox.Sandbox) Client {
	command := r.command(on)
	command.Config, command.Include, command.Lock, command.Log = r.Conf.Path, "", "", ""
	if len(r.Conf.include) > 0 {
		command.Include = pgbackrest.DefaultInclude
	}
	return Client{Repository: r, Pgbackrest: command}
}

// command is a pgBackRest whose paths are all the machine's own.
func (r Repository) command(on sandbox.Sandbox) *pgbackrest.Client {
	command := &pgbackrest.Client{
		Host: on, Config: on.Dir("etc") + "/" + confName, Stanza: r.Stanza, Repo: r.Key,
		Data: on.Dir("data"), Lock: on.Dir("lock"), Log: on.Dir("log"), Spool: on.Dir("spool"),
		Patience: r.Conf.Patience(r.Stanza), Identity: r.repo().Identity(), At: r.At,
	}
	if len(r.Conf.include) > 0 {
		command.Include = on.Dir("etc") + "/" + includeName
	}
	return command
}
