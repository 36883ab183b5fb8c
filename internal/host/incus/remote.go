package incus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"

	incus "github.com/lxc/incus/v6/client"
	"github.com/lxc/incus/v6/shared/api"
	"github.com/lxc/incus/v6/shared/cliconfig"

	"veza.fr/recovery/internal/host/guest"
	"veza.fr/recovery/internal/reason"
)

// clientConfig is the incus command's own configuration: INCUS_CONF, else ~/.config/incus.
func clientConfig() (*cliconfig.Config, error) {
	config, err := cliconfig.LoadConfig("")
	if err != nil {
		return nil, reason.Errorf(reason.SandboxFailed, "configuration of the incus command: %w", err)
	}
	return config, nil
}

// open makes a connection without asking the daemon anything, and the words for it.
func open(ctx context.Context, config *cliconfig.Config, name string) (*incus.ProtocolIncus, string, error) {
	remote, ok := config.Remotes[name]
	switch {
	case name == "":
		return overUnix(ctx, "")
	case !ok:
		return nil, "", reason.Errorf(reason.SandboxFailed,
			"there is no remote %q in %s: incus remote add %s https://HOST:8443", name, config.ConfigPath("config.yml"),
			name)
	case remote.Public || remote.Protocol != "incus":
		return nil, "", reason.Errorf(reason.SandboxFailed,
			"remote %q only serves images: name one that runs instances", name)
	case strings.HasPrefix(remote.Addr, "unix:"):
		return overUnix(ctx, strings.TrimPrefix(strings.TrimPrefix(remote.Addr, "unix:"), "//"))
	case !slices.Contains([]string{"", api.AuthenticationMethodTLS}, remote.AuthType):
		return nil, "", reason.Errorf(reason.SandboxFailed,
			"remote %q asks for %s: only client certificates are spoken here", name, remote.AuthType)
	}
	args, err := certificates(config, name)
	if err != nil {
		return nil, "", err
	}
	place := fmt.Sprintf("the Incus daemon of remote %q (%s)", name, remote.Addr)
	server, err := incus.ConnectIncusWithContext(ctx, remote.Addr, args)
	if err != nil {
		return nil, "", reason.Wrap(reason.SandboxFailed, err)
	}
	protocol, err := bound(server, "")
	return protocol, place, err
}

// overUnix connects to a daemon of this machine; path "" is where it usually listens.
func overUnix(ctx context.Context, path string) (*incus.ProtocolIncus, string, error) {
	server, err := incus.ConnectIncusUnixWithContext(ctx, path, &incus.ConnectionArgs{SkipGetServer: true})
	if err != nil {
		return nil, "", reason.Wrap(reason.SandboxFailed, err)
	}
	info, err := server.GetConnectionInfo()
	if err != nil {
		return nil, "", reason.Wrap(reason.SandboxFailed, err)
	}
	protocol, err := bound(server, info.SocketPath)
	return protocol, "the Incus daemon on " + info.SocketPath, err
}

// certificates are the client's own, and that of the server: the one remembered by
// `incus remote add`, else one the system trusts. A server is never believed without.
func certificates(config *cliconfig.Config, name string) (*incus.ConnectionArgs, error) {
	client := []string{config.ConfigPath("client")}
	if config.HasRemoteClientCertificate(name) {
		client = []string{config.ConfigPath("clientcerts", name)}
	}
	args := &incus.ConnectionArgs{SkipGetServer: true}
	for _, file := range []struct {
		path     string
		content  *string
		required bool
	}{
		{client[0] + ".crt", &args.TLSClientCert, true},
		{client[0] + ".key", &args.TLSClientKey, true},
		{client[0] + ".ca", &args.TLSCA, false},
		{config.ServerCertPath(name), &args.TLSServerCert, false},
	} {
		content, err := os.ReadFile(file.path)
		if err != nil && (file.required || !errors.Is(err, fs.ErrNotExist)) {
			return nil, reason.Errorf(reason.SandboxFailed, "remote %q: %w: `incus remote add` makes it", name, err)
		}
		*file.content = string(content)
	}
	return args, nil
}

// bound makes every new connection to the daemon end with its context: as they are, the
// client's dialers wait for a daemon that hangs. Socket "" is a daemon behind TLS.
func bound(server incus.InstanceServer, socket string) (*incus.ProtocolIncus, error) {
	protocol, ok := server.(*incus.ProtocolIncus)
	if !ok {
		return nil, reason.Errorf(reason.SandboxFailed, "the Incus client is a %T", server)
	}
	client, err := protocol.GetHTTPClient()
	if err != nil {
		return nil, reason.Wrap(reason.SandboxFailed, err)
	}
	transport, ok := client.Transport.(*http.Transport)
	if !ok {
		return nil, reason.Errorf(reason.SandboxFailed, "the Incus client's transport is a %T", client.Transport)
	}
	if socket == "" {
		transport.DialTLSContext = bounded(transport.DialTLSContext)
		return protocol, nil
	}
	transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
	return protocol, nil
}

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// bounded returns when ctx ends, whatever dial does; a connection that comes later is closed.
func bounded(dial dialer) dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		type answer struct {
			conn net.Conn
			err  error
		}
		answers := make(chan answer, 1)
		go func() {
			conn, err := dial(ctx, network, address)
			answers <- answer{conn, err}
		}()
		select {
		case a := <-answers:
			return a.conn, a.err
		case <-ctx.Done():
			go func() {
				if a := <-answers; a.err == nil {
					a.conn.Close() //nolint:errcheck // nobody wants it any more
				}
			}()
			return nil, context.Cause(ctx)
		}
	}
}

// The variables by which testprom, like the drill, is told where the sandboxes are.
const (
	remoteVariable  = "DRILL_INCUS_REMOTE"
	projectVariable = "DRILL_INCUS_PROJECT"
)

// variables are what testprom needs to mean the connection's daemon and project. One that stands for another
// project here may stand in the reader's shell too, so that the usual project is named then.
func variables(remote, project string) (list []string) {
	if remote != "" {
		list = append(list, remoteVariable+"="+guest.Quote(remote))
	}
	if project != api.ProjectDefaultName || os.Getenv(projectVariable) != "" {
		list = append(list, projectVariable+"="+guest.Quote(project))
	}
	return list
}

// address is what the incus command needs before and after an instance's name to mean the
// one this connection means: an operator may have switched it to another remote or project.
func address(config *cliconfig.Config, remote, project string) (prefix, options string) {
	name := remote
	if name == "" {
		name = "local"
	}
	if name != config.DefaultRemote {
		prefix = name + ":"
	}
	if usual := cmp.Or(os.Getenv("INCUS_PROJECT"), config.Remotes[name].Project,
		api.ProjectDefaultName); usual != project {
		options = " --project " + guest.Quote(project)
	}
	return prefix, options
}
