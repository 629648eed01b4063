//! Packs from a web server, which has them, or less of them, or nothing.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::fleet::Fleet;
use crate::hosts::mw;
use crate::relays::events;

const HOSTS: usize = 3;
/// The server of Python's own library; the first folder of an address says what it does, and the rest what is wanted.
const SERVER: &str = r#"
import functools, http.server, os, sys, time

class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        _, how, name = self.path.split("/", 2)
        self.path = "/" + name
        if how == "right":
            return super().do_GET()
        with open(self.translate_path(self.path), "rb") as file:
            pack = file.read()
        half = pack[: len(pack) // 2]
        self.send_response(200)
        self.send_header("Content-Length", str(len(half if how == "short" else pack)))
        self.end_headers()
        self.wfile.write(half)
        self.wfile.flush()
        if how == "hang":
            time.sleep(600)

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=sys.argv[1]))
print(server.server_port, flush=True)
server.serve_forever()
"#;

struct Server {
    python: Child,
    port: u16,
}

impl Server {
    fn start(folder: &Path) -> Self {
        let mut command = Command::new("python3");
        command.arg("-c").arg(SERVER).arg(folder).stdout(Stdio::piped()).stdin(Stdio::null());
        let mut python = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(python.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { python, port: line.trim().parse().unwrap() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.python.kill().unwrap();
        self.python.wait().unwrap();
    }
}

/// Gives hosts a PATH without some tools.
pub(crate) fn without(fleet: &Fleet, hosts: &[(&str, &[&str])]) {
    let mut lines = String::new();
    for (host, tools) in hosts {
        let folder = fleet.dir.join(format!("path-of-{host}"));
        fs::create_dir(&folder).unwrap();
        for entry in
            ["/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(fs::read_dir).into_iter().flatten()
        {
            for tool in entry.flatten() {
                let link = folder.join(tool.file_name());
                if !link.exists() && !tools.iter().any(|gone| tool.file_name() == **gone) {
                    std::os::unix::fs::symlink(tool.path(), link).unwrap();
                }
            }
        }
        lines.push_str(&format!("case $host in {host}) PATH=$sandbox/path-of-{host} ;; esac\n"));
    }
    let enter = fleet.dir.join("bin/enter.sh");
    let text = fs::read_to_string(&enter).unwrap();
    assert!(text.contains("unset MAIL\n"));
    fs::write(&enter, text.replace("unset MAIL\n", &format!("unset MAIL\n{lines}"))).unwrap();
}

#[test]
fn a_web_server_brings_packs_and_what_it_brings_wrong_or_not_at_all_comes_directly() {
    let fleet = Fleet::of_scripts(HOSTS);
    let (by_wget, by_nothing, by_curl) = (mw(1, HOSTS), mw(2, HOSTS), mw(3, HOSTS));
    without(&fleet, &[(by_wget.as_str(), &["curl"]), (by_nothing.as_str(), &["curl", "wget"])]);
    let packs = fleet.dir.join("packs");
    fs::create_dir(&packs).unwrap();
    let server = Server::start(&packs);
    let plain =
        fs::read_to_string(fleet.dir.join("coalmine.toml")).unwrap().replace("\"20s\"\nretries", "\"8s\"\nretries");
    // What the server does, and what a host with curl and one with wget say of it.
    for (version, how, curl, wget) in [
        ("2.1.0", "right", None, None),
        ("2.2.0", "short", Some("what came is not what was built"), Some("what came is not what was built")),
        ("2.3.0", "cut", Some("curl: (18)"), Some("the connection ended early, or nothing came for 8 s")),
        ("2.4.0", "missing", Some("404"), Some("404")),
        ("2.5.0", "hang", Some("curl: (28)"), Some("the connection ended early, or nothing came for 8 s")),
    ] {
        let place = packs.display();
        // One that is missing was never put there.
        let publish =
            if how == "missing" { "true".to_owned() } else { format!("cp \"$COALMINE_FILE\" {place}/$COALMINE_PACK") };
        let address = if how == "missing" { "right" } else { how };
        let transfer = format!(
            "[transfer]\ncarriers = [\"http\", \"direct\"]\npacks = \"always\"\nhttp = \"http://127.0.0.1:{}/{address}/{{pack}}\"\n\
             publish = [\"/bin/sh\", \"-c\", '{publish}']\n",
            server.port
        );
        fleet.configure(|_| plain.replace("[transfer]\n", &transfer));
        fleet.tag(version, |_| {});
        let begun = Instant::now();
        let answer = fleet.install(&[version, "--output", "jsonl"]).exits(0);
        // Far less than a server that hangs would take.
        assert!(begun.elapsed() < Duration::from_secs(150), "{how}: {:?}", begun.elapsed());
        fleet.all_run(fleet.hosts(), Some(version));
        let primed = events(&answer, "host_phase").into_iter().filter(|event| event["phase"] == "primed");
        let ways: BTreeMap<String, String> = primed
            .map(|event| {
                let text = |key: &str| event[key].as_str().unwrap_or("-").to_owned();
                (text("host"), text("carrier"))
            })
            .collect();
        let told: BTreeMap<String, String> = events(&answer, "carrier_failed")
            .into_iter()
            .map(|event| (event["host"].as_str().unwrap().to_owned(), event["message"].as_str().unwrap().to_owned()))
            .collect();
        assert_eq!(
            (ways[&by_nothing].as_str(), told[&by_nothing].as_str()),
            ("-", "neither curl nor wget is installed")
        );
        for (host, why) in [(&by_curl, curl), (&by_wget, wget)] {
            match (why, told.get(host)) {
                (None, None) => assert_eq!(ways[host], "http", "{how}: {ways:?}"),
                (Some(why), Some(told)) => assert!(told.contains(why) && ways[host] == "-", "{how}: {host}: {told}"),
                (_, told) => panic!("{how}: {host}: {told:?}"),
            }
        }
    }
}
