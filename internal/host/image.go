package host

// Imaged is a host that is made of an image: nothing is installed on it, another image has what it lacks.
type Imaged interface {
	// Image is the image's name.
	Image() string
	// OtherImage says what to do for an image with a major version of PostgreSQL.
	OtherImage(major string) string
}

// Place is what a sentence calls a host whose programs it speaks of: its image, else this machine.
func Place(h Host) string {
	if made, ok := h.(Imaged); ok {
		return "image " + made.Image()
	}
	return "this machine"
}

// Remedy says how a package gets onto a host, for a backup of a major version of PostgreSQL.
func Remedy(h Host, major, debian string) string {
	if made, ok := h.(Imaged); ok {
		return made.OtherImage(major)
	}
	return "install it with: apt-get install " + debian + " (from apt.postgresql.org where this Debian has another one)"
}
