package packaging

// Where things lie, below /usr.
const (
	bin     = "bin"
	private = "lib/veza-drill"       // programs that testprom runs
	data    = "share/veza-drill"     // what other programs load
	docs    = "share/doc/" + pkgName // pages, laid out as in the checkout: a link from one to another works
)

// pkgName stands for the name of the package, which is another one for each environment.
const pkgName = "PACKAGE"

// A Program is compiled.
type Program struct {
	Name string
	Dir  string // below /usr
	From string // Go package
	Test bool   // a compiled test
}

// Programs are the programs of the package.
var Programs = []Program{
	{Name: "testprom", Dir: bin, From: "./internal/cmd/testprom"},
	{Name: "veza-restore", Dir: bin, From: "./internal/cmd/restore"},
	{Name: "evidence", Dir: bin, From: "./internal/cmd/evidence"},
	{Name: "drill.test", Dir: private, From: "./drill", Test: true},
	{Name: "backup.test", Dir: private, From: "./backup", Test: true},
	{Name: "test2json", Dir: private, From: "cmd/test2json"}, // Go's own, which testprom needs to run the two
}

// A File is copied out of the checkout.
type File struct {
	From string // a pattern, from the root of the checkout
	Dir  string // below /usr
	Mode uint32
}

// Files are the other parts of the package.
var Files = []File{
	{From: "fixtures/ansible/roles/dr_drill/files/pgbackrest-drill", Dir: private, Mode: 0o755},
	{From: "fixtures/ansible/roles/dr_drill/files/drill-project", Dir: private, Mode: 0o755},
	{From: "fixtures/prometheus/veza_backup.rules.yml", Dir: data + "/prometheus"},
	{From: "fixtures/prometheus/alertmanager.example.yml", Dir: data + "/prometheus"},
	{From: "fixtures/grafana/*.json", Dir: data + "/grafana"},
	{From: "fixtures/sql/*.yaml", Dir: data + "/sql"},
	{From: "fixtures/ansible/roles/pgbackrest/files/compare.sql", Dir: data + "/sql"},
	{From: "fixtures/systemd/*", Dir: data + "/systemd"},
	{From: "README.md", Dir: docs},
	{From: "drill/README.md", Dir: docs + "/drill"},
	{From: "drill/scale.md", Dir: docs + "/drill"},
	{From: "backup/README.md", Dir: docs + "/backup"},
	{From: "fixtures/runbooks/*.md", Dir: docs + "/fixtures/runbooks"},
	{From: "fixtures/prometheus/README.md", Dir: docs + "/fixtures/prometheus"},
	{From: "fixtures/systemd/README.md", Dir: docs + "/fixtures/systemd"},
	{From: "fixtures/ansible/README.md", Dir: docs + "/fixtures/ansible"},
	{From: "fixtures/ansible/roles/dr_drill/README.md", Dir: docs + "/fixtures/ansible/roles/dr_drill"},
	{
		From: "fixtures/ansible/roles/drill_monitoring/README.md",
		Dir:  docs + "/fixtures/ansible/roles/drill_monitoring",
	},
	{From: "fixtures/ansible/roles/pgbackrest/README.md", Dir: docs + "/fixtures/ansible/roles/pgbackrest"},
	{From: ".github/CHANGELOG.md", Dir: docs},
}

// An Environment is one of the three that a build tag chooses; each makes a package of its own,
// because a machine has one of them.
type Environment struct {
	Tag, Name  string
	Depends    string // Debian packages
	Recommends string
	Suggests   string
	About      string // of the description
}

// Environments are all there are.
var Environments = []Environment{
	{
		Tag: "drill", Name: "incus", Depends: "pgbackrest", Suggests: "incus, incus-client, prometheus-node-exporter",
		About: "This build restores the repository that this machine's pgBackRest reads\n" +
			" into a throw-away Incus container: what a production host drills with.",
	},
	{
		Tag: "ci", Name: "docker", Recommends: "docker.io",
		About: "This build does all of it in Docker containers, as CI does.",
	},
	{
		Tag: "none", Name: "process", Depends: "pgbackrest", Recommends: "postgresql",
		Suggests: "prometheus-node-exporter",
		About: "This build restores into a scratch directory of this machine, with the\n" +
			" PostgreSQL that is installed here.",
	},
}
