package labtest

import (
	"testing"

	"github.com/stretchr/testify/assert"

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
func installs(t *testing.T, s *labSuite) {
	b := s.place(t)
	b.makeBareImage()
	// Of an earlier run that was killed; its project's profile holds the network.
	b.removeProject(installProject)
	_, _ = b.tryIncus("network", "delete", installNetwork)
	b.incus("network", "create", installNetwork, "ipv4.address=198.19.254.1/24", "ipv4.nat=true", "ipv6.address=none")
	t.Cleanup(func() { b.incus("network", "delete", installNetwork) })
	b.makeProject(installProject)
	p := b.at(t)
	p.cli = []string{"INCUS_PROJECT=" + installProject}
	p.args = []string{"-image", bareImage, "-incus-project", installProject}
	p.incus("profile", "device", "add", "default", "eth0", "nic", "network="+installNetwork)

	without := p.start("without").End()
	p.verdict(without, reason.ExitEnvironment, reason.ImageMissing)
	assert.Contains(t, without.Report.Detail, "-install")

	with := p.start("with", "-install", "-keep").End()
	for _, kept := range p.sandboxes() {
		assert.Equal(t, "lo", p.incus("exec", kept.Name, "--", "ls", "/sys/class/net"))
		p.incus("delete", "--force", kept.Name)
	}
	p.verdict(with, reason.ExitPass, reason.None)
	assert.Contains(t, with.Said, "it has no network card")
}

// makeBareImage takes the programs away from the usual image.
func (b *bench) makeBareImage() {
	b.t.Helper()
	const builder = "veza-drill-bare"
	_, _ = b.tryIncus("delete", "--force", builder)
	_, _ = b.tryIncus("image", "delete", bareImage)
	b.incus("launch", b.lab.Major.Sandbox(), builder, "--no-profiles", "--storage=default")
	b.t.Cleanup(func() { _, _ = b.tryIncus("delete", "--force", builder) })
	b.incus("exec", builder, "--env=DEBIAN_FRONTEND=noninteractive", "--", "sh", "-c",
		"apt-get purge -y --autoremove 'postgresql*' pgbackrest && "+
			"rm -rf /etc/pgbackrest* /usr/lib/postgresql && userdel postgres")
	b.incus("stop", "--force", builder)
	b.incus("publish", builder, "--alias="+bareImage)
	b.t.Cleanup(func() { b.incus("image", "delete", bareImage) })
}
