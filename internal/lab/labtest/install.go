package labtest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// Names of what installs needs beside the usual: an image without PostgreSQL, and a
// project whose default profile names a network that leads out.
const (
	bareImage      = "veza-drill/bare"
	installProject = "veza-drill-install"
	installNetwork = "vezainst0"
)

// installs: an image that lacks the programs is image_missing without -install; with it they
// are fetched over a network card that is gone again before any data is restored.
func installs(t *testing.T, s *suite) {
	b := s.place(t)
	b.makeBareImage()
	b.incus("network", "create", installNetwork, "ipv4.address=198.19.254.1/24", "ipv4.nat=true", "ipv6.address=none")
	t.Cleanup(func() { b.incus("network", "delete", installNetwork) })
	b.incus("project", "create", installProject, "-c", "features.images=false", "-c", "features.networks=false", "-c", "features.profiles=true")
	t.Cleanup(func() { b.incus("project", "delete", installProject) })
	inProject := func(args ...string) string { return b.incus(append(args, "--project", installProject)...) }
	inProject("profile", "device", "add", "default", "eth0", "nic", "network="+installNetwork)
	t.Cleanup(func() { inProject("profile", "device", "remove", "default", "eth0") })
	b.args = []string{"-image", bareImage, "-incus-project", installProject}

	without := b.start("without").End()
	b.verdict(without, reason.ExitEnvironment, reason.ImageMissing)
	assert.Contains(t, without.Report.Detail, "-install")

	with := b.start("with", "-install", "-keep").End()
	b.verdict(with, reason.ExitPass, reason.None)
	assert.Contains(t, with.Said, "the sandbox has no network card")
	name := strings.TrimSpace(inProject("list", "--format=csv", "--columns=n"))
	require.NotEmpty(t, name)
	assert.Equal(t, "lo", inProject("exec", name, "--", "ls", "/sys/class/net"))
	inProject("delete", "--force", name)
}

// makeBareImage takes the programs away from the usual image.
func (b *bench) makeBareImage() {
	b.t.Helper()
	const builder = "veza-drill-bare"
	b.incus("launch", "veza-drill/15", builder, "--no-profiles", "--storage=default")
	b.t.Cleanup(func() { _, _ = b.tryIncus("delete", "--force", builder) })
	b.incus("exec", builder, "--env=DEBIAN_FRONTEND=noninteractive", "--", "sh", "-c",
		"apt-get purge -y --autoremove 'postgresql*' pgbackrest && id postgres && rm -rf /etc/pgbackrest* /usr/lib/postgresql")
	b.incus("stop", "--force", builder)
	b.incus("publish", builder, "--alias="+bareImage)
	b.t.Cleanup(func() { b.incus("image", "delete", bareImage) })
}
