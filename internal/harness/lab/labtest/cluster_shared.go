package labtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lxc/incus/v6/shared/tls"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/drilltest"
	"veza.fr/recovery/internal/harness/lab"
	"veza.fr/recovery/internal/reason"
)

// placed is what a drill says of its sandbox, and of the member that it is on.
var placed = regexp.MustCompile(`sandbox (\S+) on (\S+)`)

// three: drills of three stanzas at the same moment, on members that the cluster chooses, are three sandboxes that know
// nothing of each other.
func (b clusterBench) three(t *testing.T) {
	stanzas := []string{b.lab.Stanza, "copya", "copyb"}
	for _, name := range stanzas[1:] {
		t.Cleanup(func() {
			assert.NoError(t, b.lab.RemoveStanza(context.WithoutCancel(t.Context()), b.lab.Repository, name))
		})
		require.NoError(t, b.lab.CopyStanza(t.Context(), b.lab.Repository, b.lab.Stanza, name))
	}
	b.conf = b.withStanzas(stanzas[1:])
	flights := map[string]*drilltest.Flight{}
	for _, name := range stanzas {
		flights[name] = b.start(name, "-stanza", name, "-rpo", "1h") // nobody archives to a copy
	}
	sandboxes, members := map[string]string{}, map[string]int{}
	for _, name := range stanzas {
		o := flights[name].End()
		b.verdict(o, reason.ExitPass, reason.None)
		said := placed.FindStringSubmatch(o.Said)
		require.NotEmpty(t, said, o.Said)
		assert.Empty(t, sandboxes[said[1]], "%s was another stanza's", said[1])
		sandboxes[said[1]] = name
		members[said[2]]++
	}
	t.Log("sandboxes by member:", members)
	for member := range members {
		assert.Contains(t, b.cluster.Members, member)
	}
	b.nothingLeft()
}

// withStanzas is the lab's conf with sections of more stanzas.
func (b clusterBench) withStanzas(names []string) string {
	b.t.Helper()
	text, err := os.ReadFile(b.conf)
	require.NoError(b.t, err)
	for _, name := range names {
		text = fmt.Appendf(text, "\n[%s]\npg1-path=/var/lib/postgresql/%s\n", name, name)
	}
	path := filepath.Join(b.dir, "several.conf")
	require.NoError(b.t, os.WriteFile(path, text, 0o644)) // user postgres reads it
	return path
}

// restrictedProject is made by the role's own script.
const (
	restrictedProject = "veza-drill-restricted"
	projectScript     = "../../../../fixtures/ansible/roles/dr_drill/files/drill-project"
)

// restricted: in the project that the role makes, by a certificate that is good for that alone, a drill passes and
// tells the other hosts; whatever else a thief of the certificate could want is refused.
func (b clusterBench) restricted(t *testing.T) {
	verdict := "veza-drill." + b.lab.Stanza
	inside := *b.bench
	inside.cli = append(slices.Clone(b.cli), "INCUS_PROJECT="+restrictedProject)
	remove := func() {
		_, _ = inside.tryIncus("profile", "delete", verdict)
		b.removeProject(restrictedProject)
	}
	remove()
	t.Cleanup(remove)
	wanted := []string{
		restrictedProject, "pool", "limits.instances=1", "limits.memory=5GiB", "limits.disk=12GiB",
		"restricted.cluster.target=allow", "restricted.cluster.groups=" + b.cluster.Group,
	}
	assert.Contains(t, b.drillProject(wanted...), "made project "+restrictedProject)
	assert.Empty(t, b.drillProject(wanted...), "it is so already")
	wanted[2] = "limits.instances=2"
	assert.Equal(t, "set limits.instances=2", b.drillProject(wanted...))

	conf := b.client(restrictedProject)
	own := *b.bench
	own.cli = []string{"INCUS_CONF=" + conf}
	own.env = []string{
		"INCUS_CONF=" + conf, "INCUS_SOCKET=/nonexistent", "DRILL_INCUS_REMOTE=" + b.cluster.Remote,
		"DRILL_INCUS_PROJECT=" + restrictedProject, "DRILL_STANZA=" + b.lab.Stanza,
	}
	own.args, own.of = []string{"-deep", "none"}, []string{"-share"}
	o := own.start("restricted", "-incus-target", "@"+b.cluster.Group).End()
	own.verdict(o, reason.ExitPass, reason.None)
	own.nothingLeft()
	assert.NotContains(t, o.Said, "are not told")
	assert.Contains(t, inside.incus("profile", "show", verdict), `"exit":0`)

	own.onlySandboxes(t)
}

// onlySandboxes: the holder of the certificate makes a plain container, which is the harmless twin, and nothing of what
// would lead out of it.
func (b *bench) onlySandboxes(t *testing.T) {
	image := b.lab.Major.Sandbox()
	sized := []string{"init", image, "--config=limits.memory=1GiB", "--device=root,size=2GiB"}
	b.incus(append(slices.Clone(sized), "plain")...)
	b.incus("delete", "--force", "plain")
	for name, args := range map[string][]string{
		"privileged": append(slices.Clone(sized), "--config=security.privileged=true", "thief"),
		"nesting":    append(slices.Clone(sized), "--config=security.nesting=true", "thief"),
		"no limit":   {"init", image, "thief"},
		"a file":     {"profile", "device", "add", "default", "etc", "disk", "source=/etc", "path=/mnt"},
		"a card":     {"profile", "device", "add", "default", "eth0", "nic", "nictype=p2p"},
		"the limits": {"project", "set", restrictedProject, "limits.instances=9"},
		"the daemon": {"config", "set", "user.thief=true"},
		"the trust":  {"config", "trust", "add", "thief"},
		"elsewhere":  {"list", "--project=default"},
	} {
		said, err := b.tryIncus(args...)
		assert.Error(t, err, "%s: %s", name, said)
		assert.Regexp(t, `forbidden|restricted|not authorized|not have permissions|has no "limits.memory"`, said, name)
	}
}

// drillProject runs the role's script as who may do everything; it says what it changed.
func (b clusterBench) drillProject(args ...string) string {
	b.t.Helper()
	said, err := b.command(projectScript, args...)
	require.NoError(b.t, err, said)
	return said
}

// client is a directory of the incus command's configuration, of a new client that is good for one project.
func (b clusterBench) client(project string) (conf string) {
	b.t.Helper()
	conf = filepath.Join(b.dir, "client")
	require.NoError(b.t, os.MkdirAll(filepath.Join(conf, "servercerts"), 0o700))
	cert, key, err := tls.GenerateMemCert(true, false)
	require.NoError(b.t, err)
	for name, content := range map[string][]byte{"client.crt": cert, "client.key": key} {
		require.NoError(b.t, os.WriteFile(filepath.Join(conf, name), content, 0o600))
	}
	for _, name := range []string{"servercerts/" + lab.Remote + ".crt", "config.yml"} {
		content, failed := os.ReadFile(filepath.Join(b.cluster.Conf, name))
		require.NoError(b.t, failed)
		content = []byte(strings.ReplaceAll(string(content), "project: default", "project: "+project))
		require.NoError(b.t, os.WriteFile(filepath.Join(conf, name), content, 0o600))
	}
	b.incus("config", "trust", "add-certificate", filepath.Join(conf, "client.crt"), "--restricted",
		"--projects="+project, "--name="+project)
	fingerprint, err := tls.CertFingerprintStr(string(cert))
	require.NoError(b.t, err)
	b.t.Cleanup(func() { b.incus("config", "trust", "remove", fingerprint) })
	return conf
}
