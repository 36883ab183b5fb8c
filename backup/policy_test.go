package backup

import (
	"context"
	"os"
	"os/user"
	"strconv"
	"strings"

	"veza.fr/recovery/internal/policy"
	"veza.fr/recovery/internal/reason"
)

// policy is the claim policy: the conf in use says what the customer's policy says. A
// pass prints what was read, a failure the line that is wrong.
func (b *check) policy(context.Context) error {
	read, findings := policy.Policy(b.repo.Conf.Config, b.stanza, b.settings.Repo, policy.File{
		Path: b.origin.Conf, Mode: b.origin.Mode, Owner: b.origin.Owner, Runner: runner(),
	})
	for _, line := range read {
		b.say("%s", line)
	}
	if len(findings) == 0 && len(read) == 0 {
		return reason.Errorf(reason.PolicyViolated, "%s: nothing of the policy could be read", b.origin.Conf)
	}
	if len(findings) > 0 {
		return reason.Errorf(reason.PolicyViolated, "%s", strings.Join(findings, "; "))
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
