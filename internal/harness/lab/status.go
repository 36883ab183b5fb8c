package lab

import (
	"context"
	"fmt"
	"io"

	"veza.fr/recovery/internal/pgbackrest"
)

// Status says what there is, and how to use it. The error is that of Open, or what does not work.
func Status(ctx context.Context, out io.Writer) error {
	l, err := Open(ctx)
	if err != nil {
		return err
	}
	states, err := l.daemon.statuses(ctx)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		state := "missing"
		if code, ok := states[n.name]; ok {
			state = code.String()
		}
		fmt.Fprintf(out, "node %-7s %-8s %-15s %s\n", n.name, state, n.address(), n.fqdn())
	}
	l.Describe(out)
	return l.Check(ctx)
}

// Describe says what to type to drill the lab and to look around in it.
func (l *Lab) Describe(out io.Writer) {
	fmt.Fprintf(out, "stanza   %s, %s users, configuration %s\n", l.Stanza, l.users, l.Conf)
	option, variable := " -args -conf "+l.Conf, ""
	if l.Conf != pgbackrest.DefaultConfig {
		variable = "DRILL_CONF=" + l.Conf + " "
		fmt.Fprintf(out, "         %s is somebody else's and was left alone\n", pgbackrest.DefaultConfig)
	}
	fmt.Fprintf(out, "drill    %sgo test -tags drill ./drill -v      into a container\n", variable)
	fmt.Fprintf(out, "         go test ./drill -v%s      on this machine\n", option)
	fmt.Fprintf(out, "primary  psql '%s'\n", l.Primary())
	fmt.Fprintf(out, "enter    incus exec --project %s %s -- bash\n", Project, databaseNode)
	fmt.Fprintf(out,
		"backup   incus exec --project %s %s -- runuser -u postgres -- pgbackrest --stanza=%s --type=diff backup\n",
		Project, databaseNode, l.Stanza)
	fmt.Fprintf(out, "\nformation  psql '%s'\n", l.Formation())
	fmt.Fprintf(out,
		"state      incus exec --project %s %s -- runuser -u postgres -- pg_autoctl show state --pgdata %s\n",
		Project, monitorNode, l.Major.data("monitor"))
	fmt.Fprintf(out, "prometheus %s\n", l.Prometheus())
	fmt.Fprintf(out,
		"roles      go run ./internal/cmd/lab inventory DIR writes an inventory for fixtures/ansible/postgres_ha.yml\n")
}
