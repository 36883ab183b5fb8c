package backup

import (
	"context"
	"os"
	"os/user"
	"strconv"
	"strings"

	"veza.fr/recovery/internal/policy"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/source"
	"veza.fr/recovery/internal/suite"
)

// policyHolds is the claim policy: the conf in use says what the policy says, the customer's
// or that of -policy. A pass prints what was read, a failure the line that is wrong.
func policyHolds(_ context.Context, out suite.Out, in opened) error {
	held := in.Settings.Policy
	if held.File != "" {
		out.Note("the policy is that of %s", held.File)
	}
	if host := in.Client.Host(); host != "" {
		out.Note("type, cipher, certificate and retention of repository %d, and how backups are compressed, are "+
			"decided by the conf of the repository host %s, and so not judged here: run the backup checks there",
			in.Settings.Repo, host)
	}
	read, findings := held.CheckConf(in.Client.Conf.Config, in.Stanza(), in.Settings.Repo, policy.File{
		Path: in.Source.Conf, Mode: in.Source.Mode, Owner: in.Source.Owner, Runner: runner(),
	})
	for _, path := range in.Client.Conf.Included() { // secrets may stand there as well
		info, err := os.Stat(path)
		if err != nil {
			return reason.Wrap(reason.ConfigInvalid, err)
		}
		good, bad := policy.File{Path: path, Mode: info.Mode(), Owner: source.Owner(info), Runner: runner()}.Check()
		read, findings = append(read, good...), append(findings, bad...)
	}
	for _, text := range policy.ConfNotes(in.Client.Conf.Config, in.Stanza()) {
		out.Note("%s", text)
	}
	for _, line := range read {
		out.Say("%s", line)
	}
	return policyBroken(in.Source.Conf, read, findings)
}

// policyBroken is what the findings on a conf come to. A conf of which nothing could be read
// proves nothing, so it is no pass.
func policyBroken(conf string, read, findings []string) error {
	switch {
	case len(findings) > 0:
		return reason.Errorf(reason.PolicyViolated, "%s", strings.Join(findings, "; "))
	case len(read) == 0:
		return reason.Errorf(reason.PolicyViolated, "%s: nothing of the policy could be read", conf)
	}
	return nil
}

// runner is the name of whoever runs the check, or the number of a user without one.
func runner() string {
	id := strconv.Itoa(os.Geteuid())
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}
