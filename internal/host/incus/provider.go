package incus

// Provider makes sandboxes that are ephemeral containers of an Incus daemon.
type Provider struct {
	Remote  string // of the incus command's configuration; "" is the daemon of this machine
	Project string // "" is default
	Image   string // "" is veza-drill/MAJOR
	Memory  int64  // bytes; 0 is no limit
	CPUs    int64  // 0 is no limit
	Disk    int64  // bytes; 0 is twice what the data needs, at least 10 GiB
	Install bool   // packages may be fetched through a network card that is there only for that
}
