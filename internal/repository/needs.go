package repository

import (
	"strings"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/versions"
)

// CheckVersion refuses a pgBackRest that cannot do what the conf or the settings ask for, as
// version_mismatch: what it says itself reads like a damaged repository. where says whose it
// is, such as "is installed here".
func (r Repository) CheckVersion(version, where string) error {
	const get = "install a newer one (Debian 13 has 2.55, apt.postgresql.org the newest)"
	if !r.At.IsZero() && !versions.RepoTargetTime.In(version) {
		return reason.Errorf(reason.VersionMismatch, "-repo-target-time needs pgBackRest %s or later, and %s %s: %s, "+
			"or drill on a host that has it", versions.RepoTargetTime.Since(), version, where, get)
	}
	if r.Conf.Config == nil {
		return nil
	}
	if plain := r.repo().PlainOptions(); len(plain) > 0 && !versions.PlainHTTP.In(version) {
		return reason.Errorf(reason.VersionMismatch, "%s: %s asks for HTTP without TLS, which pgBackRest speaks from "+
			"%s on, and %s %s: let the store speak TLS, or %s", r.Conf.Path, strings.Join(plain, " and "),
			versions.PlainHTTP.Since(), version, where, get)
	}
	return nil
}
