package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// server returns a subject's server, starting it at first use. All servers
// stay up until the end, so that none has the machine to itself.
func (b *bench) server(ctx context.Context, subject string) (*process, error) {
	if p := b.servers[subject]; p != nil {
		select {
		case <-p.done:
			return nil, fmt.Errorf("%s ended by itself: %v\n%s", subject, p.err, tail(p.log))
		default:
			return p, nil
		}
	}
	p, err := b.start(context.WithoutCancel(ctx), subject, filepath.Join(b.dir, subject))
	if err != nil {
		return nil, err
	}
	b.servers[subject] = p
	return p, nil
}

// start launches a new server of this kind with dir for what it writes.
func (b *bench) start(ctx context.Context, subject, dir string) (*process, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	var cmd *exec.Cmd
	ready := "/" + smallFile
	switch subject {
	case "daemon":
		cmd, err = b.daemon(ctx, dir, address, b.files, "")
	case "rates-off":
		cmd, err = b.daemon(ctx, dir, address, b.files, ratesOff)
	case "rates-on":
		cmd, err = b.daemon(ctx, dir, address, b.files, ratesOn)
	case "game-daemon", "game-nginx", "game-floor":
		cmd, ready, err = b.game(ctx, subject, dir, address)
	case "holder":
		cmd, ready, err = b.holder(ctx, dir, address)
	case "sink-daemon", "sink-tcp", "sink-websocket":
		cmd, ready, err = b.sink(ctx, subject, dir, address)
	case "meta-empty":
		cmd, err = b.metaEmpty(ctx, address)
		ready = "/healthz"
	case "floor":
		cmd, err = b.floor(ctx, address, b.files)
	case "nginx":
		cmd, err = b.nginx(dir, address, b.files, "on")
	case "nginx-nopush-off":
		cmd, err = b.nginx(dir, address, b.files, "off")
	case "caddy":
		cmd, err = b.caddy(ctx, dir, address)
	default:
		if servers, ok := metaServers(subject); ok {
			cmd, err = b.meta(ctx, subject, dir, address, servers)
			ready = "/readyz"
			break
		}
		mods, floor, ok := catalogServers(subject)
		if !ok {
			return nil, fmt.Errorf("no such server: %s", subject)
		}
		ready = "/info/queue/size"
		cmd, err = b.catalog(ctx, mods, floor, address)
	}
	if err != nil {
		return nil, err
	}
	return launch(ctx, cmd, filepath.Join(dir, "log"), "http://"+address, ready)
}

// daemon is the real binary with everything on, as an operator runs it, apart
// from where it listens, where its files and Steam are, and that connections
// stay open between requests as those of the peers do. more is added to the
// configuration.
func (b *bench) daemon(ctx context.Context, dir, address, root, more string) (*exec.Cmd, error) {
	path, err := b.program(ctx, "quartermaster", ".")
	if err != nil {
		return nil, err
	}
	config := fmt.Sprintf(`
[http]
listen = [%q]
[steam]
api_url = %q
store_url = %q
community_url = %q
[log]
level = "warn"
[workshop]
roots = [%q]
[workshop.ns2]
keep_alive = true
`, address, b.steam.URL(), b.steam.StoreURL(), b.steam.CommunityURL(), root) + more
	file := filepath.Join(dir, "config.toml")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		return nil, err
	}
	return exec.Command(path, "run", "--config", file, "--data", filepath.Join(dir, "data")), nil
}

func (b *bench) floor(ctx context.Context, address, root string) (*exec.Cmd, error) {
	path, err := b.program(ctx, "floor", "./bench/floor")
	if err != nil {
		return nil, err
	}
	return exec.Command(path, address, root), nil
}

// nginxConfig: two workers, sendfile, no access log; temporary paths of ours
// so that it runs without root.
const nginxConfig = `
daemon off;
worker_processes 2;
pid %[1]s/pid;
error_log stderr crit;
events { worker_connections 4096; }
http {
	access_log off;
	sendfile on;
	tcp_nopush %[4]s;
	keepalive_requests 1000000000;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	types { application/zip zip; }
	server {
		listen %[2]s;
		root %[3]s;
	}
}
`

func (b *bench) nginx(dir, address, root, nopush string) (*exec.Cmd, error) {
	path, err := installed("nginx", "nginx-light", "/usr/sbin/nginx")
	if err != nil {
		return nil, err
	}
	if err := readableByAll(b.dir, root); err != nil { // as root, its workers are nobody
		return nil, err
	}
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, fmt.Appendf(nil, nginxConfig, dir, address, root, nopush), 0o644); err != nil {
		return nil, err
	}
	return exec.Command(path, "-p", dir, "-e", "stderr", "-c", file), nil
}

func readableByAll(dirs ...string) error {
	for _, d := range dirs {
		if err := os.Chmod(d, 0o755); err != nil {
			return err
		}
	}
	return nil
}

const caddyConfig = `
{
	admin off
	auto_https off
	persist_config off
	log {
		level ERROR
	}
}
http://%s {
	root * %s
	file_server
}
`

func (b *bench) caddy(ctx context.Context, dir, address string) (*exec.Cmd, error) {
	path, err := b.tool(ctx, "caddy", "github.com/caddyserver/caddy/v2/cmd/caddy")
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "Caddyfile")
	if err := os.WriteFile(file, fmt.Appendf(nil, caddyConfig, address, b.files), 0o644); err != nil {
		return nil, err
	}
	cmd := exec.Command(path, "run", "--config", file, "--adapter", "caddyfile")
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	return cmd, nil
}
