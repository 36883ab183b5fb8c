package runner

import (
	"cmp"
	"os"
	"os/user"
	"path"
	"strings"

	"veza.fr/recovery/internal/testprom/evidence"
)

// trigger is who or what began the run, as far as this process can tell.
func (r *run) trigger() evidence.Trigger {
	t := evidence.Trigger{Kind: "other"}
	t.Host, _ = os.Hostname() // evidence without it is better than none
	if who, err := user.Current(); err == nil {
		t.User = who.Username
	}
	if by := lookup(r.Env, "SUDO_USER"); by != "" {
		t.User += ", asked by " + by
	}
	switch {
	case lookup(r.Env, "CI") != "" || lookup(r.Env, "BUILD_URL") != "":
		t.Kind, t.Name = "ci", r.pipeline()
	case lookup(r.Env, "INVOCATION_ID") != "":
		t.Kind, t.Name = "systemd", unit()
	case r.Terminal:
		t.Kind = "terminal"
	case len(r.command) == 0:
		t.Kind = "recording"
	}
	return t
}

// pipeline is where a run of GitLab, Jenkins or GitHub is shown.
func (r *run) pipeline() string {
	github := ""
	if id := lookup(r.Env, "GITHUB_RUN_ID"); id != "" {
		github = lookup(r.Env, "GITHUB_SERVER_URL") + "/" + lookup(r.Env, "GITHUB_REPOSITORY") + "/actions/runs/" + id
	}
	return cmp.Or(lookup(r.Env, "CI_JOB_URL"), lookup(r.Env, "BUILD_URL"), github)
}

// unit is the service this process runs in, "" where it is none.
func unit() string {
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(groups)) {
		if name := path.Base(strings.TrimSpace(line)); strings.HasSuffix(name, ".service") {
			return name
		}
	}
	return ""
}
