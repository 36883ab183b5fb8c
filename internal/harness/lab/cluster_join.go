package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	incusclient "github.com/lxc/incus/v6/client"
	"github.com/lxc/incus/v6/shared/api"
	localtls "github.com/lxc/incus/v6/shared/tls"

	"veza.fr/recovery/internal/host"
)

const joinTime = time.Minute

// beginScript makes a cluster of one, with a pool for all; $1 is its name and $2 its address.
const beginScript = `incus config set core.https_address "$2" && incus cluster enable "$1" &&
incus storage create pool dir && incus profile device add default root disk path=/ pool=pool &&
incus cluster group create "$3"`

const joinPreseed = "cluster:\n  enabled: true\n  server_address: %s\n  cluster_token: %s\n"

// join makes a member of a machine: the first begins the cluster, the others ask it for a token.
func (l *Lab) join(ctx context.Context, i int, h host.Host) error {
	first, n := l.Node(members[0].name), members[i]
	address := net.JoinHostPort(n.address(), httpsPort)
	if i == 0 {
		return root(ctx, h, "sh", "-c", beginScript, "sh", n.name, address, memberGroup)
	}
	ctx, cancel := context.WithTimeout(ctx, joinTime)
	defer cancel()
	said, err := first.Run(ctx, host.Command{Argv: []string{"incus", "cluster", "add", n.name}, User: "root", Dir: "/"})
	if err != nil {
		return err
	}
	lines := strings.Fields(string(said.Stdout))
	if len(lines) == 0 {
		return errors.New("incus cluster add printed no token")
	}
	_, err = h.Run(ctx, host.Command{
		Argv: []string{"incus", "admin", "init", "--preseed"}, User: "root", Dir: "/",
		Stdin: strings.NewReader(fmt.Sprintf(joinPreseed, address, lines[len(lines)-1])),
	})
	if err != nil {
		return err
	}
	return root(ctx, first, "incus", "cluster", "group", "assign", n.name, "default,"+memberGroup)
}

// letIntoCluster makes this machine a client of the cluster, and copies the sandboxes' image there.
func (l *Lab) letIntoCluster(ctx context.Context) error {
	first := l.Node(members[0].name)
	cert, key, err := localtls.GenerateMemCert(true, false)
	if err != nil {
		return err
	}
	server, err := first.Read(ctx, "/var/lib/incus/cluster.crt")
	if err != nil {
		return err
	}
	if _, err = first.Run(ctx, host.Command{
		Argv: []string{"incus", "config", "trust", "add-certificate", "-"}, User: "root", Dir: "/",
		Stdin: strings.NewReader(string(cert)),
	}); err != nil {
		return err
	}
	address := net.JoinHostPort(members[0].address(), httpsPort)
	there, err := incusclient.ConnectIncusWithContext(ctx, "https://"+address, &incusclient.ConnectionArgs{
		TLSClientCert: string(cert), TLSClientKey: string(key), TLSServerCert: string(server), SkipGetServer: true,
	})
	if err != nil {
		return err
	}
	if err = l.copyImage(ctx, there); err != nil {
		return fmt.Errorf("copy image %s: %w", l.Major.Sandbox(), err)
	}
	dir := l.places.clusterConf()
	if err = os.MkdirAll(filepath.Join(dir, "servercerts"), 0o700); err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"client.crt": cert, "client.key": key, "servercerts/" + Remote + ".crt": server,
		"config.yml": fmt.Appendf(nil, remoteConfig, address, api.ProjectDefaultName), // last: it is there then
	} {
		if err = os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// copyImage copies the sandboxes' image from this machine's daemon to the cluster.
func (l *Lab) copyImage(ctx context.Context, there incusclient.InstanceServer) error {
	name := l.Major.Sandbox()
	return l.daemon.in(ctx, api.ProjectDefaultName, clusterTime, func(here incusclient.InstanceServer) error {
		alias, _, err := here.GetImageAlias(name)
		if err != nil {
			return err
		}
		image, _, err := here.GetImage(alias.Target)
		if err != nil {
			return err
		}
		op, err := there.CopyImage(here, *image, &incusclient.ImageCopyArgs{
			Mode: "relay", Aliases: []api.ImageAlias{{Name: name}},
		})
		if err != nil {
			return err
		}
		return op.Wait()
	})
}
