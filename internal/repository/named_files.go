package repository

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// hostFileOptions name the files that pgBackRest shows to a repository host, or knows it by.
var hostFileOptions = []string{"host-ca-file", "host-cert-file", "host-key-file"}

// hostFiles refuses a conf that names certificates for a repository host which are not here:
// pgBackRest would say the same of them as of a host that nobody should trust.
func (r Repository) hostFiles() error {
	for _, option := range hostFileOptions {
		file := r.repo().Option(option)
		if _, err := os.Stat(file); file != "" && err != nil {
			return reason.Errorf(reason.ConfigInvalid, "repo%d-%s: %w", r.Key, option, err)
		}
	}
	return nil
}

// fileOptions name the files that pgBackRest reads on its own machine to reach the repository.
func (r Repository) fileOptions() []string {
	if r.Host() != "" {
		return hostFileOptions
	}
	var options []string
	if address, remote := r.Address(); remote && address.TLSName != "" && r.repo().VerifyTLS() {
		options = append(options, "storage-ca-file") // else nobody reads it
	}
	keys := r.repo().Option("gcs-key-type")
	if r.repo().Type() == "gcs" && (keys == "" || keys == "service") { // of another type it is a secret, or nothing
		options = append(options, "gcs-key")
	}
	if r.repo().Type() == "sftp" {
		options = append(options, "sftp-private-key-file", "sftp-public-key-file")
	}
	return options
}

// readable refuses a conf that names a file which whoever runs pgBackRest on a machine may not read: root may, who
// often starts the drill, and pgBackRest says no more of one than that some certificate cannot be used.
func (r Repository) readable(ctx context.Context, on sandbox.Sandbox) error {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	for _, option := range r.fileOptions() {
		file := r.repo().Option(option)
		if _, brought := r.Conf.brought[file]; brought || !filepath.IsAbs(file) { // none, or one below ~
			continue
		}
		_, err := on.Run(ctx, host.Command{Argv: []string{"test", "-r", file}})
		if _, no := errors.AsType[*host.ExitError](err); no {
			return reason.Errorf(reason.ConfigInvalid, "repo%d-%s: the user who runs pgbackrest here may not read %s, "+
				"or it is not there: give it to that user, or to a group of its own", r.Key, option, file)
		}
		if err != nil {
			return reason.Wrap(reason.SandboxFailed, err)
		}
	}
	return nil
}
