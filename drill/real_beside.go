package drill

import (
	"cmp"
	"fmt"

	"veza.fr/recovery/internal/node"
	"veza.fr/recovery/internal/pgbackrest"
)

// origin is where the conf says that the cluster of the stanza is, if that is not where it is restored: somebody may
// want yesterday's rows beside the cluster of now.
type origin struct {
	dir     string // "" is nowhere else
	host    string // the machine that it is on, where that is another one: nobody looks there; "" is this one
	process int    // of a server that works there; 0 is none
	cluster bool   // one is there
}

// hostOf is the machine that the cluster of a stanza is on, where the conf is of another one: a repository host's, or a
// spare machine's; "" is this one.
func hostOf(found ready) string {
	option := func(command string) string { return found.Client.Conf.Option(found.Stanza(), command, "pg1-host") }
	return cmp.Or(option("restore"), option("backup"))
}

// originOf looks at what pg1-path names.
func (r *nodeRestore) originOf(path string) (o origin) {
	dir := node.Resolved(path)
	switch {
	case path == "":
		return o
	case r.host != "": // what has that path here is a stranger's
		return origin{dir: path, host: r.host}
	case dir == r.place.Dir:
		return o
	}
	o.dir = path
	o.process, o.cluster = node.Lives(dir)
	return o
}

// place is what it is to a formation.
func (o origin) place() node.Origin {
	switch {
	case o.dir == "":
		return node.OriginHere
	case o.host != "":
		return node.OriginRemote
	case o.process != 0:
		return node.OriginLives
	}
	return node.OriginElsewhere
}

// fact is what somebody must know of it who says yes; "" is nothing.
func (o origin) fact() string {
	if o.process == 0 {
		return ""
	}
	return fmt.Sprintf("a server works in %s, pg1-path of the conf (process %d)", pgbackrest.Printable(o.dir),
		o.process)
}

// advice is what to do about pg1-path before the cluster in a data directory is started; "" is nothing. Two clusters
// must not archive into one stanza.
func (o origin) advice(data string) string {
	const leave = "leave pg1-path as it is, and start this cluster with a port of its own, archive_mode = off and " +
		"max_logical_replication_workers = 0 (its subscriptions would take over the slots of that one)"
	become := fmt.Sprintf("make it %s, else neither WAL nor a backup of this cluster comes into the repository", data)
	switch {
	case o.dir == "":
		return ""
	case o.host != "":
		host := pgbackrest.Printable(o.host)
		return fmt.Sprintf("pg1-path of the conf is of %s (pg1-host), which is not looked at: if a cluster lives "+
			"there, %s; if this one takes its place, lead pg1-host and pg1-path to it", host, leave)
	case o.process != 0:
		return o.fact() + ": " + leave + ", else two clusters archive into one stanza"
	case o.cluster:
		return fmt.Sprintf("pg1-path of the conf is %s, and a cluster is there: if this one takes its place, %s; if "+
			"that one goes on, %s", pgbackrest.Printable(o.dir), become, leave)
	}
	return fmt.Sprintf("pg1-path of the conf is %s: %s", pgbackrest.Printable(o.dir), become)
}
