package pgbackrest

import (
	"fmt"
	"strings"
)

// Address is where the repository is reached; ok is false for one on this
// machine's own file system (posix, cifs without a repo host).
func (r Repo) Address() (address Address, ok bool) {
	if host := r.Option("host"); host != "" {
		return r.repoHost(host), true
	}
	switch r.Type() {
	case "s3":
		plain := isPlain(r.Option("s3-endpoint"))
		endpoint, port := splitPort(hostAndPort(r.Option("s3-endpoint")), usualPort(plain))
		name := endpoint
		if r.Option("s3-uri-style") != "path" {
			name = r.Option("s3-bucket") + "." + endpoint
		}
		return r.storage(name, port, plain), true
	case "azure":
		endpoint := r.Option("azure-endpoint")
		if endpoint == "" {
			endpoint = "blob.core.windows.net"
		}
		return r.storage(r.Option("azure-account")+"."+endpoint, "443", false), true
	case "gcs":
		endpoint, port := splitPort(r.Option("gcs-endpoint"), "443")
		if endpoint == "" {
			endpoint = "storage.googleapis.com"
		}
		return r.storage(endpoint, port, false), true
	case "sftp":
		port := r.Option("sftp-host-port")
		if port == "" {
			port = "22"
		}
		return Address{Host: r.Option("sftp-host"), Port: port}, true
	}
	return Address{}, false
}

// storage applies storage-host and storage-port: the connection goes there, and
// the certificate is checked against that name too (facts A6). With storage-host, nothing of the
// endpoint's scheme and port counts (storageS3Helper in src/storage/s3/helper.c, the same for azure).
func (r Repo) storage(name, port string, plain bool) Address {
	address := Address{Host: name, Port: port}
	if host := r.Option("storage-host"); host != "" {
		plain = isPlain(host)
		address.Host, address.Port = splitPort(hostAndPort(host), usualPort(plain))
	}
	if port := r.Option("storage-port"); port != "" {
		address.Port = port
	}
	if address.Plain = plain; !plain {
		address.TLSName = address.Host
	}
	return address
}

func (r Repo) repoHost(host string) Address {
	port := r.Option("host-port")
	tls := r.Option("host-type") == "tls"
	switch {
	case port != "":
	case tls:
		port = "8432"
	default:
		port = "22"
	}
	return Address{Host: host, Port: port}
}

// isPlain says whether a URL asks for HTTP without TLS; without a scheme it is HTTPS.
func isPlain(url string) bool { return strings.HasPrefix(url, "http://") }

// usualPort is that of HTTP, or of HTTPS.
func usualPort(plain bool) string {
	if plain {
		return "80"
	}
	return "443"
}

// PlainOptions are the options of an s3 repository that ask for HTTP without TLS, as name=value.
func (r Repo) PlainOptions() (list []string) {
	for _, option := range []string{"s3-endpoint", "storage-host"} {
		if value := r.Option(option); r.Type() == "s3" && isPlain(value) {
			list = append(list, fmt.Sprintf("repo%d-%s=%s", r.Key, option, value))
		}
	}
	return list
}

// hostAndPort is an endpoint without scheme and trailing slash.
func hostAndPort(endpoint string) string {
	return strings.TrimRight(strings.TrimPrefix(strings.TrimPrefix(endpoint, "https://"), "http://"), "/")
}

// splitPort takes a port off an endpoint; [::1]:9000 and a bare IPv6 address are understood.
func splitPort(endpoint, standard string) (host, port string) {
	if inside, rest, ok := strings.Cut(strings.TrimPrefix(endpoint, "["), "]"); ok && strings.HasPrefix(endpoint, "[") {
		if strings.HasPrefix(rest, ":") {
			return inside, rest[1:]
		}
		return inside, standard
	}
	host, port, found := strings.Cut(endpoint, ":")
	if !found || strings.Contains(port, ":") {
		return endpoint, standard
	}
	return host, port
}

// Endpoint is the name of an s3 store as requests carry it, without port and scheme.
func (r Repo) Endpoint() string {
	endpoint, _ := splitPort(hostAndPort(r.Option("s3-endpoint")), "")
	return endpoint
}
