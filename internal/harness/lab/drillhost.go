package lab

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/wait"
)

// DrillHost is where the drill will be installed: a machine with systemd that reaches this
// machine's Incus over HTTPS, and the Prometheus that is told what the drill found.
const DrillHost = "ops"

const (
	exporterPort    = 9100
	exporterProgram = "/usr/local/bin/node_exporter"
	incusConf       = "/etc/veza/incus" // INCUS_CONF on the drill host
	moduleProxy     = "/srv/goproxy"
	goRoot          = "/usr/local/go"
	programTime     = 20 * time.Second // a question to a program of this machine
)

//go:embed units/node-exporter.service
var exporterUnit string

//go:embed units/formation-heartbeat.service
var formationBeatUnit string

// impatient gives up a connection to a primary whose power was cut.
const impatient = " keepalives_idle=2 keepalives_interval=2 keepalives_count=3 tcp_user_timeout=6000"

// exporterDevices lend a node this machine's node_exporter.
func exporterDevices() (map[string]map[string]string, error) {
	device, err := lend("prometheus-node-exporter", exporterProgram)
	return map[string]map[string]string{"exporter": device}, err
}

// drillHostDevices lend the drill host, beside that, Prometheus and what an installation
// from source needs: Go, and this machine's cache of modules in the place of a proxy.
func drillHostDevices() (map[string]map[string]string, error) {
	devices, err := exporterDevices()
	if err != nil {
		return nil, err
	}
	if err = lendMonitoring(devices); err != nil {
		return nil, err
	}
	root, err := goEnv("GOROOT")
	if err != nil {
		return nil, err
	}
	modules, err := goEnv("GOMODCACHE")
	if err != nil {
		return nil, err
	}
	devices["go"] = map[string]string{"type": "disk", "source": root, "path": goRoot, "readonly": "true"}
	devices["modules"] = map[string]string{
		"type": "disk", "source": filepath.Join(modules, "cache", "download"), "path": moduleProxy, "readonly": "true",
	}
	return devices, nil
}

// lend is a device that shows a program of this machine on a node.
func lend(program, path string) (map[string]string, error) {
	source, err := exec.LookPath(program)
	if err == nil {
		source, err = filepath.EvalSymlinks(source)
	}
	if err != nil {
		return nil, fmt.Errorf("%s is not here: make lab-up installs it: %w", program, err)
	}
	return map[string]string{"type": "disk", "source": source, "path": path, "readonly": "true"}, nil
}

func goEnv(name string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), programTime)
	defer cancel()
	said, err := exec.CommandContext(ctx, "go", "env", name).Output()
	if err != nil {
		return "", fmt.Errorf("go env %s: %w", name, err)
	}
	return strings.TrimSpace(string(said)), nil
}

// furnish gives a machine what an operator's has before any role: a way in by ssh, and node_exporter.
func (s *site) furnish(ctx context.Context, h host.Host) error {
	return errors.Join(openForAnsible(ctx, s.places, h), export(ctx, h))
}

// export runs node_exporter on a node.
func export(ctx context.Context, h host.Host) error {
	if err := root(ctx, h, "mkdir", "-p", "/var/lib/node_exporter/textfile_collector"); err != nil {
		return err
	}
	return unit(ctx, h, "node-exporter.service", strings.ReplaceAll(exporterUnit, "@PROGRAM@", exporterProgram))
}

// setUpDrillHost starts monitoring and the formation's heartbeat, and gives the host a way to Incus.
func setUpDrillHost(ctx context.Context, s *site, _ node, h host.Host) error {
	if err := s.furnish(ctx, h); err != nil {
		return err
	}
	if err := setUpMonitoring(ctx, h); err != nil {
		return err
	}
	if err := h.Put(ctx, beatFile, []byte(beatScript), 0o644, "root"); err != nil {
		return err
	}
	fill := strings.NewReplacer("@BIN@", s.major.bin(), "@PRIMARY@", primaryOf(DataNodes...)+impatient,
		"@BEAT@", beatFile).Replace
	if err := unit(ctx, h, "veza-heartbeat.service", fill(formationBeatUnit)); err != nil {
		return err
	}
	return s.letIn(ctx, h)
}

// checkDrillHost wants Prometheus to have scraped every node, and a young heartbeat row.
func checkDrillHost(ctx context.Context, l *Lab, _ node) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	if err := wait.For(ctx, "Prometheus to scrape every node", 500*time.Millisecond, func(ctx context.Context) error {
		up, err := l.Query(ctx, "count(up == 1)")
		if err == nil && up != float64(len(Machines)) {
			err = fmt.Errorf("%v nodes are scraped", up)
		}
		return err
	}); err != nil {
		return err
	}
	return wait.For(ctx, "a young heartbeat row in the formation", time.Second/2, func(ctx context.Context) error {
		conn, err := l.connect(ctx, l.Formation(), Database)
		if err != nil {
			return err
		}
		defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is in flight
		var young bool
		const query = `SELECT coalesce(max(beat_at) > clock_timestamp() - interval '10 s', false)
			FROM public.veza_heartbeat`
		if err = conn.QueryRow(ctx, query).Scan(&young); err == nil && !young {
			err = errors.New("journalctl -u veza-heartbeat on node ops says why there is none")
		}
		return err
	})
}

// installed says whether a role was applied to the formation or the drill host.
func installed(ctx context.Context, h host.Host) (bool, error) {
	_, err := h.Read(ctx, etc+"/"+confFile)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
