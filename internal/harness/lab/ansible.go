package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/objectstore/users"
)

// What an operator would know of the machines: how to log in, where the object store is,
// and the secrets. It is kept in the directory of the lab's copies.
const (
	sshKey     = "id_ed25519"
	knownHosts = "known_hosts"
)

// fleet are the machines that one run of the playbook is applied to. Its name is that of its
// repository in the lab's bucket.
type fleet struct {
	name  string
	data  []string
	drill string
	major Major // 0: the lab's
}

var (
	formationFleet = fleet{name: "formation", data: DataNodes, drill: DrillHost}
	nextFleet      = fleet{name: "next", data: []string{Next}, drill: Next, major: NextMajor}
)

// directory is where the object store keeps its repository, on its node.
func (f fleet) directory() string { return minioData + "/backups/" + f.name }

// file has its secrets, among the lab's copies.
func (f fleet) file() string { return f.name + ".json" }

// fleetAccess are the credentials of its repository.
type fleetAccess struct {
	users.Access
	Passphrase string
	Bucket     string
	Region     string
}

// sshKeys makes the key pair that logs in as root on the nodes.
func (p places) sshKeys(ctx context.Context) error {
	if err := os.MkdirAll(p.state, 0o755); err != nil {
		return err
	}
	if _, err := os.Stat(p.copyOf(sshKey)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, programTime)
	defer cancel()
	keygen := exec.CommandContext(ctx, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "veza-lab",
		"-f", p.copyOf(sshKey))
	if said, err := keygen.CombinedOutput(); err != nil {
		return fmt.Errorf("ssh-keygen: %w: %s", err, said)
	}
	return nil
}

// openForAnsible lets the holder of the lab's key log in as root.
func openForAnsible(ctx context.Context, p places, h host.Host) error {
	public, err := os.ReadFile(p.copyOf(sshKey + ".pub"))
	if err != nil {
		return err
	}
	if err := root(ctx, h, "install", "-d", "-m", "0700", "/root/.ssh"); err != nil {
		return err
	}
	if err := h.Put(ctx, "/root/.ssh/authorized_keys", public, 0o600, "root"); err != nil {
		return err
	}
	return root(ctx, h, "systemctl", "start", "ssh.service")
}

// saveAccess keeps a fleet's secrets for the inventory.
func (p places) saveAccess(f fleet, a fleetAccess) error {
	content, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return write(p.copyOf(f.file()), content, 0o600)
}

// Inventory writes what an operator has beside the roles: hosts, variables, and the vault's
// content in plain text, which is his to encrypt. It returns the secrets, which belong
// nowhere else.
func (l *Lab) Inventory(ctx context.Context, dir string) (secrets []string, err error) {
	return l.inventory(ctx, formationFleet, dir)
}

// NextInventory is that of the machine Next, which is data node and drill host in one.
func (l *Lab) NextInventory(ctx context.Context, dir string) (secrets []string, err error) {
	return l.inventory(ctx, nextFleet, dir)
}

// OtherHostInventory is the formation's with the machine Next as the only drill host, as an operator writes it who has
// lost the other one.
func (l *Lab) OtherHostInventory(ctx context.Context, dir string) (secrets []string, err error) {
	f := formationFleet
	f.drill = Next
	return l.inventory(ctx, f, dir)
}

func (l *Lab) inventory(ctx context.Context, f fleet, dir string) (secrets []string, err error) {
	a, err := l.places.access(f)
	if err != nil {
		return nil, err
	}
	if f.major == 0 {
		f.major = l.Major
	}
	ca, err := os.ReadFile(l.places.copyOf(caFile))
	if err != nil {
		return nil, err
	}
	known, err := l.hostKeys(ctx)
	if err != nil {
		return nil, err
	}
	all := filepath.Join(dir, "group_vars", "all")
	err = errors.Join(
		os.MkdirAll(all, 0o755),
		write(l.places.copyOf(knownHosts), []byte(known), 0o644),
		writeYAML(filepath.Join(dir, "hosts.yml"), l.hosts(f), 0o644),
		writeYAML(filepath.Join(all, "main.yml"), f.variables(a, string(ca)), 0o644),
		writeYAML(filepath.Join(all, "vault.yml"), a.vault(), 0o600),
	)
	return []string{a.Key, a.Secret, a.ReadKey, a.ReadSecret, a.Passphrase}, err
}

func writeYAML(path string, content any, mode fs.FileMode) error {
	text, err := yaml.Marshal(content)
	if err != nil {
		return err
	}
	return os.WriteFile(path, append([]byte("---\n"), text...), mode)
}

// variables are what is no secret.
func (f fleet) variables(a fleetAccess, ca string) map[string]any {
	all := map[string]any{
		"pgbackrest_s3_endpoint": storeNode + "." + zone, "pgbackrest_s3_port": storePort,
		"pgbackrest_s3_bucket": a.Bucket,
		"pgbackrest_s3_region": a.Region, "pgbackrest_s3_path": "/" + f.name, "pgbackrest_s3_ca_cert": ca,
		"pgbackrest_s3_key":        "{{ vault_pgbackrest_s3_key }}",
		"pgbackrest_s3_key_secret": "{{ vault_pgbackrest_s3_key_secret }}",
		"pgbackrest_cipher_pass":   "{{ vault_pgbackrest_cipher_pass }}", "pgbackrest_pg_version": f.major,
		"pgbackrest_heartbeat": true, "pgbackrest_heartbeat_interval": 2,
		"dr_drill_database": Database, "dr_drill_primary": primaryOf(f.data...), "dr_drill_incus_remote": Remote,
		"dr_drill_incus_conf": incusConf, "dr_drill_incus_project": SandboxProject,
		"dr_drill_go": goRoot + "/bin/go", "dr_drill_go_environment": map[string]string{
			"GOPROXY": "file://" + moduleProxy,
		},
	}
	if f.name == nextFleet.name { // the formation's operator turns it on in the middle of the story
		all["pgbackrest_compare"] = true
	} else {
		all["dr_drill_evidence"] = true
		all["drill_monitoring_control"] = false // its timer is not waited for
	}
	if !slices.Contains(f.data, f.drill) { // there the one conf has to archive, too
		all["dr_drill_s3_key"] = "{{ vault_dr_drill_s3_key }}"
		all["dr_drill_s3_key_secret"] = "{{ vault_dr_drill_s3_key_secret }}"
	}
	return all
}

// vault are the secrets.
func (a fleetAccess) vault() map[string]string {
	return map[string]string{
		"vault_pgbackrest_s3_key": a.Key, "vault_pgbackrest_s3_key_secret": a.Secret,
		"vault_pgbackrest_cipher_pass": a.Passphrase,
		"vault_dr_drill_s3_key":        a.ReadKey, "vault_dr_drill_s3_key_secret": a.ReadSecret,
	}
}

// hosts are the groups of the playbook.
func (l *Lab) hosts(f fleet) map[string]any {
	group := func(names ...string) map[string]any {
		members := map[string]any{}
		for _, name := range names {
			members[name] = map[string]string{"ansible_host": at(name)}
		}
		return map[string]any{"hosts": members}
	}
	children := map[string]any{"postgres_ha_nodes": group(f.data...), "incus_hosts": group(f.drill)}
	if f.drill == DrillHost { // where Prometheus is
		children["monitoring_hosts"] = group(f.drill)
	}
	return map[string]any{"all": map[string]any{
		"vars": map[string]string{
			"ansible_user": "root", "ansible_ssh_private_key_file": l.places.copyOf(sshKey),
			"ansible_ssh_common_args":    "-o UserKnownHostsFile=" + l.places.copyOf(knownHosts),
			"ansible_python_interpreter": "/usr/bin/python3",
		},
		"children": children,
	}}
}

// hostKeys are lines of known_hosts.
func (l *Lab) hostKeys(ctx context.Context) (string, error) {
	var lines strings.Builder
	for _, name := range append([]string{Next}, Machines...) {
		key, err := l.Node(name).Read(ctx, "/etc/ssh/ssh_host_ed25519_key.pub")
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&lines, "%s %s", at(name), key)
	}
	return lines.String(), nil
}
