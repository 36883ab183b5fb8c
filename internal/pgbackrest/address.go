package pgbackrest

import (
	"cmp"
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
		prefix := r.Option("s3-bucket") + "."
		if r.Option("s3-uri-style") == "path" {
			prefix = ""
		}
		return r.storage(prefix, "", r.Option("s3-endpoint")), true
	case "azure":
		prefix := r.Option("azure-account") + "."
		if r.Option("azure-uri-style") == "path" {
			prefix = ""
		}
		ofHost := prefix // storage-host alone means path style, as it does not for s3 (storageAzureHelper)
		if r.Option("azure-uri-style") == "" {
			ofHost = ""
		}
		return r.storage(prefix, ofHost, cmp.Or(r.Option("azure-endpoint"), "blob.core.windows.net")), true
	case "gcs": // which knows no storage-host (storageGcsHelper)
		return reached("", cmp.Or(r.Option("gcs-endpoint"), "storage.googleapis.com")), true
	case "sftp":
		port := r.Option("sftp-host-port")
		if port == "" {
			port = "22"
		}
		return Address{Host: r.Option("sftp-host"), Port: port}, true
	}
	return Address{}, false
}

// storage applies storage-host and storage-port: the connection goes there, and the certificate is checked against that
// name too (facts A6). With storage-host, nothing of the endpoint's scheme and port counts (storageS3Helper in
// src/storage/s3/helper.c, the same for azure). The names of bucket or account come before the endpoint, or the host.
func (r Repo) storage(ofEndpoint, ofHost, endpoint string) Address {
	address := reached(ofEndpoint, endpoint)
	if host := r.Option("storage-host"); host != "" {
		address = reached(ofHost, host)
	}
	if port := r.Option("storage-port"); port != "" {
		address.Port = port
	}
	return address
}

// reached is where a URL leads, with the name of a bucket or account before its host.
func reached(prefix, url string) Address {
	address := Address{Plain: isPlain(url)}
	address.Host, address.Port = splitPort(hostAndPort(url), usualPort(address.Plain))
	address.Host = prefix + address.Host
	if !address.Plain {
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

// PlainOptions are the options of a repository in an object store that ask for HTTP without TLS, as name=value.
func (r Repo) PlainOptions() (list []string) {
	options := map[string][]string{
		"s3": {"s3-endpoint", "storage-host"}, "azure": {"azure-endpoint", "storage-host"}, "gcs": {"gcs-endpoint"},
	}[r.Type()]
	for _, option := range options {
		if value := r.Option(option); isPlain(value) {
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
