package docker

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/testcontainers/testcontainers-go"

	"veza.fr/recovery/internal/host/guest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

const (
	imagePrefix  = "veza-drill/" // of images that are made on the machine
	sandboxImage = imagePrefix + "postgres:"
	lastMade     = "latest" // tag of the image that was made last, whichever version is in it

	keyPrefix = "fr.veza.drill." // of the labels that make a thing one of ours

	sharedMemory = 256 << 20 // bytes of /dev/shm: Docker's 64 MB are few for PostgreSQL

	// noResolver is where names are asked for that the engine does not know: inside, where
	// nobody answers. Engines before 23.0.11 and 25.0.4 carry such questions out of an
	// internal network when this machine's own resolver is on its loopback (CVE-2024-29018).
	noResolver = "127.0.0.1"
)

// capabilities are all that root has in a container: to act for other users and to find
// and kill their processes.
var capabilities = []string{
	"CHOWN",
	"DAC_OVERRIDE",
	"FOWNER",
	"FSETID",
	"SETGID",
	"SETUID",
	"KILL",
	"SYS_PTRACE",
	"NET_BIND_SERVICE",
}

// Provider makes sandboxes that are containers of a Docker engine.
type Provider struct {
	Site   *Site  // where they stand, once it is open; before that they have no network card
	Image  string // "" is veza-drill/postgres:MAJOR, and the one made last where no version is known
	Memory int64  // bytes; 0 is no limit
	CPUs   int64  // 0 is no limit
}

var _ sandbox.Provider = Provider{}

// Environment is the info metric's word for this provider.
func (Provider) Environment() string { return "docker" }

// Launch makes a container: on the site's network of sandboxes where that is open, else
// without a network card, with relays through this process to the object stores. Errors
// are sandbox_failed, image_missing, disk_space, repo_unreachable, or config_invalid.
func (p Provider) Launch(ctx context.Context, spec sandbox.Spec) (sandbox.Sandbox, error) {
	e, err := connect(ctx)
	if err != nil {
		return nil, err
	}
	var net *network
	if p.Site != nil {
		net = p.Site.sandboxes()
	}
	var stores []guest.Store
	if net == nil {
		if stores, err = guest.Layout(spec.Stores); err != nil {
			return nil, err
		}
		if foreign := guest.Literals(stores); len(foreign) > 0 {
			return nil, reason.Errorf(reason.ConfigInvalid,
				"object store %s is an address, which a container cannot have: name it in the conf by a name",
				foreign[0])
		}
	}
	s, err := p.launch(ctx, e, spec, net, stores)
	if s == nil {
		return nil, err
	}
	if err == nil && len(stores) > 0 {
		err = s.relay(ctx, stores)
	}
	return s, err
}

// launch makes and starts the container.
func (p Provider) launch(
	ctx context.Context,
	e *engine,
	spec sandbox.Spec,
	net *network,
	stores []guest.Store,
) (*Sandbox, error) {
	image := cmp.Or(p.Image, sandboxImage+cmp.Or(spec.Major, lastMade))
	if err := e.image(ctx, image); err != nil {
		return nil, err
	}
	name := containerName()
	request := testcontainers.ContainerRequest{
		Image: image, Name: name, Labels: labels(spec),
		Entrypoint: []string{}, Cmd: []string{"sleep", "infinity"},
		ConfigModifier: func(c *container.Config) { c.User, c.WorkingDir, c.Healthcheck = "0:0", "/", nil },
		HostConfigModifier: func(c *container.HostConfig) {
			p.confine(c)
			if net == nil {
				c.NetworkMode = "none"
			} else {
				c.DNS = []netip.Addr{netip.MustParseAddr(noResolver)}
			}
			for _, folder := range spec.Folders {
				c.Binds = append(c.Binds, folder+":"+folder+":ro")
			}
			for _, s := range stores {
				c.ExtraHosts = append(c.ExtraHosts, s.Host+":"+s.Inside.String())
			}
		},
	}
	if net != nil {
		request.Networks = []string{net.name}
	}
	id, err := run(ctx, request)
	if id == "" {
		return nil, err
	}
	s := &Sandbox{Host: newHost(e, name, id), image: image, chosen: p.Image != "", name: name, network: net}
	if net != nil {
		net.admit(id)
	}
	if err == nil {
		err = s.build(ctx)
	}
	return s, err
}

// confine gives a container no more than a sandbox needs.
func (p Provider) confine(c *container.HostConfig) {
	initial := true
	c.Init = &initial // it waits for what a killed command leaves
	c.CapDrop, c.CapAdd = []string{"ALL"}, capabilities
	c.SecurityOpt = []string{"no-new-privileges"}
	c.ShmSize = sharedMemory
	c.Memory, c.NanoCPUs = p.Memory, p.CPUs*1e9
	c.RestartPolicy = container.RestartPolicy{Name: container.RestartPolicyDisabled}
}

// containerName is one that nobody has.
func containerName() string { return sandbox.Prefix + strings.ToLower(rand.Text()[:12]) }

// labels say whose a container or a network is.
func labels(spec sandbox.Spec) map[string]string { return guest.Tags(keyPrefix, spec, time.Now()) }

// called is how messages name a stanza's run.
func called(spec sandbox.Spec) string {
	return fmt.Sprintf("run %q of stanza %s", spec.Run, spec.Stanza)
}
