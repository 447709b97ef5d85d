//! A real PostgreSQL. A shell holds it, and ends it when its standard input ends: also when this process is killed.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::Done;

/// PostgreSQL refuses to run as root, so root runs it as `nobody`.
pub(crate) const NOBODY: u32 = 65_534;

/// A server with a folder of its own.
pub(crate) struct Server {
    folder: PathBuf,
    programs: PathBuf,
    port: u16,
    shell: Option<Child>,
}

/// The one that most tests share.
pub(crate) fn shared() -> Done<&'static Server> {
    static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
    let started = SERVER.get_or_init(|| Server::start().map_err(|error| error.to_string()));
    started.as_ref().map_err(|error| error.clone().into())
}

pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|owner| owner.uid() == 0)
}

impl Server {
    pub(crate) fn start() -> Done<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("tollway-pg-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder)?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut server = Self { folder, programs: programs()?, port, shell: None };
        server.certificates()?;
        if is_root() {
            chown(&server.folder, Some(NOBODY), Some(NOBODY))?;
        }
        let data = server.folder.join("data");
        let mut initdb = server.unprivileged(&server.programs.join("initdb"));
        let told = initdb
            .args(["-U", "tollway", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "-D"])
            .arg(&data)
            .output()?;
        if !told.status.success() {
            return Err(format!("initdb: {}", String::from_utf8_lossy(&told.stderr)).into());
        }
        server.up()?;
        Ok(server)
    }

    /// Starts it, or starts it again.
    pub(crate) fn up(&mut self) -> Done {
        let script = r#"
            "$1/postgres" -D "$2/data" -k "$2" -p "$3" -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200 \
                -c ssl=on -c ssl_cert_file="$2/server.crt" -c ssl_key_file="$2/server.key" >>"$2/log" 2>&1 &
            server=$!
            read what
            kill -INT "$server"
            wait "$server"
            [ "$what" = keep ] || rm -rf "$2"
        "#;
        let mut shell = self.unprivileged(Path::new("/bin/sh"));
        shell.args(["-c", script, "sh"]).arg(&self.programs).arg(&self.folder).arg(self.port.to_string());
        self.shell = Some(shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
        for _ in 0..600 {
            if execute(&self.url("postgres"), "SELECT 1").is_ok() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(50));
        }
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        Err(format!("PostgreSQL does not come up: {log}").into())
    }

    /// Ends it, so that it can be started again.
    pub(crate) fn down(&mut self) -> Done {
        if let Some(mut shell) = self.shell.take() {
            if let Some(mut input) = shell.stdin.take() {
                input.write_all(b"keep\n")?;
            }
            shell.wait()?;
        }
        Ok(())
    }

    /// A database's URL, over the Unix socket.
    pub(crate) fn url(&self, database: &str) -> String {
        let folder = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://tollway@{folder}:{}/{database}", self.port)
    }

    /// A database's URL, over TCP.
    pub(crate) fn tcp(&self, host: &str, query: &str) -> String {
        format!("postgres://tollway:hunter2@{host}:{}/postgres?{query}", self.port)
    }

    /// Makes an empty database and returns its URL.
    pub(crate) fn database(&self) -> Done<String> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("t{}", COUNT.fetch_add(1, Ordering::Relaxed));
        execute(&self.url("postgres"), &format!("CREATE DATABASE {name}"))?;
        Ok(self.url(&name))
    }

    /// The certificate that signed the server's.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.join("root.crt")
    }

    /// A root, and a certificate for `localhost` that it signed.
    fn certificates(&self) -> Done {
        let script = "
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=root \
                -keyout root.key -out root.crt &&
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost \
                -keyout server.key -out server.csr &&
            printf 'subjectAltName=DNS:localhost\\nbasicConstraints=CA:FALSE\\n' >extensions &&
            openssl x509 -req -days 2 -in server.csr -CA root.crt -CAkey root.key -CAcreateserial \
                -extfile extensions -out server.crt && chmod 600 server.key";
        let told = Command::new("sh").args(["-c", script]).current_dir(&self.folder).output()?;
        if !told.status.success() {
            return Err(format!("openssl: {}", String::from_utf8_lossy(&told.stderr)).into());
        }
        if is_root() {
            chown(self.folder.join("server.key"), Some(NOBODY), Some(NOBODY))?;
        }
        Ok(())
    }

    fn unprivileged(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder);
        if is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut shell) = self.shell.take() {
            drop(shell.stdin.take());
            let _ = shell.wait();
        }
    }
}

/// Where `initdb` and `postgres` are: on the path, or where Debian keeps them.
fn programs() -> Done<PathBuf> {
    let mut folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
    folders.push("/usr/local/bin".into());
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    folders.extend(debian.map(|version| version.path().join("bin")));
    folders
        .into_iter()
        .find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
        .ok_or_else(|| "PostgreSQL is missing: apt-get install postgresql (scripts/services.sh test does it)".into())
}

/// Statements over a connection of their own.
pub(crate) fn execute(url: &str, sql: &str) -> Done {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        Ok(client.batch_execute(sql).await?)
    })
}
