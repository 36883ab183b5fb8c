package lab

import (
	"context"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"strings"

	incus "github.com/lxc/incus/v6/client"
	"github.com/lxc/incus/v6/shared/api"
	localtls "github.com/lxc/incus/v6/shared/tls"

	"veza.fr/recovery/internal/host"
)

// The drill host's way to this machine's Incus: HTTPS on the bridge, with a client
// certificate that is good for one project.
const (
	// SandboxProject is the Incus project the drill host's sandboxes live in.
	SandboxProject = "veza-lab-drills"
	// Remote is what the drill host calls this machine's Incus.
	Remote = "lab"

	httpsKey    = "core.https_address"
	httpsPort   = "8443"
	listenedKey = "user.veza-lab.https" // on the daemon: the address was opened by the lab
	certName    = "veza-lab drill host"
)

const remoteConfig = `default-remote: lab
remotes:
  lab:
    addr: https://%s
    auth_type: tls
    project: %s
    protocol: incus
    public: false
`

// letIn makes a drill host a client of the daemon.
func (s *site) letIn(ctx context.Context, h host.Host) error {
	s.letting.Lock()
	defer s.letting.Unlock()
	address, serverCert, err := s.daemon.listen(ctx)
	if err != nil {
		return fmt.Errorf("let Incus listen on the lab's bridge: %w", err)
	}
	cert, key, err := localtls.GenerateMemCert(true, false)
	if err != nil {
		return err
	}
	if err := s.daemon.trust(ctx, cert); err != nil {
		return fmt.Errorf("trust the drill host: %w", err)
	}
	for name, content := range map[string][]byte{
		"config.yml": fmt.Appendf(nil, remoteConfig, address, SandboxProject), "client.crt": cert, "client.key": key,
		"servercerts/" + Remote + ".crt": []byte(serverCert),
	} {
		if err := h.Put(ctx, incusConf+"/"+name, content, 0o600, "root"); err != nil {
			return err
		}
	}
	return nil
}

// listen opens the daemon to the bridge, unless it listens on an address already.
func (d *daemon) listen(ctx context.Context) (address, certificate string, err error) {
	err = d.ask(ctx, func(s incus.InstanceServer) error {
		server, etag, failure := s.GetServer()
		if failure != nil {
			return failure
		}
		certificate, address = server.Environment.Certificate, server.Config[httpsKey]
		if address == "" {
			address = net.JoinHostPort(gateway, httpsPort)
			server.Config[httpsKey], server.Config[listenedKey] = address, address
			return s.UpdateServer(server.Writable(), etag)
		}
		return nil
	})
	if strings.HasPrefix(address, ":") || strings.HasPrefix(address, "[::]") || strings.HasPrefix(address, "0.0.0.0:") {
		_, port, _ := net.SplitHostPort(address)
		address = net.JoinHostPort(gateway, port)
	}
	return address, certificate, err
}

// trust makes the sandboxes' project, and lets the holder of a certificate into it alone.
func (d *daemon) trust(ctx context.Context, certificate []byte) error {
	block, _ := pem.Decode(certificate)
	if block == nil {
		return errors.New("the client certificate is no PEM")
	}
	return d.ask(ctx, func(s incus.InstanceServer) error {
		_, _, err := s.GetProject(SandboxProject)
		if missing(err) {
			err = s.CreateProject(api.ProjectsPost{Name: SandboxProject, ProjectPut: api.ProjectPut{
				Description: "sandboxes of the lab's drill hosts (make lab-down removes it)",
				Config:      features,
			}})
		}
		if err != nil {
			return err
		}
		if err = rootDisk(s); err != nil {
			return err
		}
		return s.CreateCertificate(api.CertificatesPost{CertificatePut: api.CertificatePut{
			Name: certName, Type: api.CertificateTypeClient, Restricted: true, Projects: []string{SandboxProject},
			Certificate: base64.StdEncoding.EncodeToString(block.Bytes),
		}})
	})
}

// rootDisk names the sandboxes' storage pool: the holder of the certificate is told of none.
func rootDisk(s incus.InstanceServer) error {
	pools, err := s.GetStoragePoolNames()
	if err != nil {
		return err
	}
	if len(pools) == 0 {
		return errors.New("there is no storage pool: .ci/incus makes one")
	}
	project := s.UseProject(SandboxProject)
	profile, etag, err := project.GetProfile("default")
	if err != nil {
		return err
	}
	profile.Devices = map[string]map[string]string{"root": {"type": "disk", "path": "/", "pool": pools[0]}}
	return project.UpdateProfile("default", profile.Writable(), etag)
}

// distrust takes back what letIn gave: certificates, project and the address, if that was ours.
func (d *daemon) distrust(ctx context.Context) error {
	return d.ask(ctx, func(s incus.InstanceServer) error {
		certificates, err := s.GetCertificates()
		for _, c := range certificates {
			if c.Name == certName {
				err = errors.Join(err, s.DeleteCertificate(c.Fingerprint))
			}
		}
		if failure := s.DeleteProjectForce(SandboxProject); !missing(failure) {
			err = errors.Join(err, failure)
		}
		server, etag, failure := s.GetServer()
		if failure != nil {
			return errors.Join(err, failure)
		}
		if ours := server.Config[listenedKey]; ours == "" {
			return err
		} else if server.Config[httpsKey] == ours {
			server.Config[httpsKey] = ""
		}
		server.Config[listenedKey] = ""
		return errors.Join(err, s.UpdateServer(server.Writable(), etag))
	})
}
