// Package incus is the host that is a container of its own: an Incus daemon,
// here or elsewhere, makes it, and nothing of it touches the machine it is on.
//
// What is known of the daemon's ways (operations that vanish, exit codes, ephemeral
// containers that stay) was read in its sources and tried out: facts E.
package incus

import (
	"cmp"
	"context"
	"net/http"
	"os"
	"strings"

	incus "github.com/lxc/incus/v6/client"
	"github.com/lxc/incus/v6/shared/api"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wait"
)

// Daemon is a connection to one project of an Incus daemon.
type Daemon struct {
	server  *incus.ProtocolIncus
	socket  bool   // it is this machine's own
	here    bool   // on this machine, and its instances' files, sockets and folders with it
	member  string // of a cluster, the one that was asked; "" is a daemon on its own
	target  string // the member, or @GROUP of members, that makes new instances; "" is whichever the cluster takes
	project string
	place   string // what messages call the daemon
	prefix  string // what the incus command needs before an instance's name
	options string // and after it

	variables []string // that lead testprom to this project of this daemon

	connection *Connection // nil: of nobody else
}

// Connect reaches a daemon: remote "" is the unix socket of this machine (INCUS_SOCKET
// and INCUS_DIR count, as for the incus command), else the name of a remote in the incus
// command's configuration. Project "" is "default". It asks the daemon once, so that
// whatever is missing is named here; the reason is sandbox_failed.
func Connect(ctx context.Context, remote, project string) (*Daemon, error) {
	d := &Daemon{project: cmp.Or(project, api.ProjectDefaultName)}
	config, err := clientConfig()
	if err != nil {
		return nil, err
	}
	if d.server, d.place, err = open(ctx, config, remote); err != nil {
		return nil, err
	}
	info, err := d.server.GetConnectionInfo()
	if err != nil {
		return nil, reason.Wrap(reason.SandboxFailed, err)
	}
	d.socket = info.SocketPath != ""
	d.here = d.socket
	d.prefix, d.options = address(config, remote, d.project)
	d.variables = variables(remote, d.project)
	if err = d.get(ctx, "/1.0/projects/"+escape(d.project), &api.Project{}); err != nil {
		return nil, d.unusable(ctx, err)
	}
	return d, nil
}

// unusable says what to do about a daemon that refused the first question.
func (d *Daemon) unusable(ctx context.Context, err error) error {
	switch {
	case wait.Over(ctx):
		return err
	case api.StatusErrorCheck(err, http.StatusNotFound):
		return reason.Errorf(reason.SandboxFailed, "there is no project %q on %s: incus project create %s%s",
			d.project, d.place, d.prefix, d.project)
	case api.StatusErrorCheck(err, http.StatusForbidden):
		return reason.Errorf(reason.SandboxFailed, "%s does not know this client, or keeps it out of project %q: %w: "+
			"add its certificate there with `incus config trust add`, and remove and add the remote here", d.place,
			d.project, err)
	case d.here && os.IsPermission(err):
		return reason.Errorf(reason.SandboxFailed,
			"no access to %s: %w: run the drill as root, or join group incus-admin", d.place, err)
	case d.here:
		return reason.Errorf(reason.SandboxFailed, "%s does not answer: %w: start it (systemctl start incus), "+
			"or name a remote of the incus command", d.place, err)
	default:
		return reason.Errorf(reason.SandboxFailed,
			"%s does not answer: %w: does it run, and reach this machine its address?", d.place, err)
	}
}

// instance is the path of an instance, or of something below it, in the daemon's API.
func (d *Daemon) instance(name string, below ...string) string {
	return strings.Join(append([]string{"/1.0/instances", escape(name)}, below...), "/")
}
