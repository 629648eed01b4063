//! uv in place of pip, where it is installed: the same files, sooner.
//!
//! It chooses and builds as pip does: from the same indexes, the newest of all of them, with nothing that another build left behind. What it
//! notes about the installation is made the same by `metadata`.

use std::ffi::OsString;
use std::path::PathBuf;

use super::build::Builder;
use super::error::ReleaseError;
use super::run::{Task, words};
use super::store::remove_tree;
use super::tools::on_path;
use crate::model::Installer;

/// Options of pip that uv has too, and that mean the same.
const SHARED: [&str; 17] = [
    "-r",
    "--requirement",
    "-c",
    "--constraint",
    "-f",
    "--find-links",
    "-i",
    "--index-url",
    "--extra-index-url",
    "--no-index",
    "--no-deps",
    "--no-build-isolation",
    "--no-binary",
    "--only-binary",
    "--pre",
    "--require-hashes",
    "--config-settings",
];

/// How pip is told, and how uv is.
const SAME: [(&str, &str); 6] = [
    ("PIP_INDEX_URL", "UV_DEFAULT_INDEX"),
    ("PIP_EXTRA_INDEX_URL", "UV_INDEX"),
    ("PIP_FIND_LINKS", "UV_FIND_LINKS"),
    ("PIP_TRUSTED_HOST", "UV_INSECURE_HOST"),
    ("PIP_CERT", "SSL_CERT_FILE"),
    ("PIP_PROXY", "ALL_PROXY"),
];

impl Builder<'_> {
    /// Finds uv, where it is to install.
    pub(super) fn uv(&self, pip: &[String]) -> Result<Option<PathBuf>, ReleaseError> {
        match (self.spec.installer, on_path("uv")) {
            (Installer::Pip, _) => Ok(None),
            (Installer::Auto, found) => Ok(found.filter(|_| can_be_given(pip))),
            (Installer::Uv, Some(found)) => Ok(Some(found)),
            (Installer::Uv, None) => Err(ReleaseError::NoUv),
        }
    }

    /// Installs all that is wanted; each list is asked for by itself.
    pub(super) async fn install_by_uv(&mut self, uv: PathBuf, lists: Vec<Vec<OsString>>) -> Result<(), ReleaseError> {
        let cache = self.cache.join("uv");
        // What was built from sources: another build must not find it. What was fetched is the same for all.
        for folder in std::fs::read_dir(&cache).into_iter().flatten().filter_map(Result::ok) {
            let name = folder.file_name();
            if ["sdists-", "builds-"].iter().any(|begin| name.to_string_lossy().starts_with(begin)) {
                remove_tree(&folder.path()).map_err(ReleaseError::disk("remove", folder.path()))?;
            }
        }
        let mut environment = self.pip_environment();
        for (pip, uv) in SAME {
            if let Some(value) = self.account_setting(pip) {
                environment.set(uv, value);
            }
        }
        let own = std::env::vars_os().filter(|(name, _)| {
            let name = name.to_string_lossy();
            name.starts_with("UV_INDEX_")
                || matches!(&*name, "UV_DEFAULT_INDEX" | "UV_INDEX" | "UV_FIND_LINKS" | "UV_OFFLINE")
                || matches!(&*name, "UV_SYSTEM_CERTS" | "UV_NATIVE_TLS" | "UV_HTTP_TIMEOUT" | "UV_KEYRING_PROVIDER")
        });
        for (name, value) in own.filter(|(name, _)| name != "UV_INDEX_STRATEGY") {
            environment.set(name, value);
        }
        environment.set("UV_CACHE_DIR", &cache);
        for (name, value) in [
            ("UV_NO_CONFIG", "1"),
            ("UV_NO_PROGRESS", "1"),
            ("UV_LINK_MODE", "copy"),
            ("UV_PYTHON_DOWNLOADS", "never"),
            ("UV_INDEX_STRATEGY", "unsafe-best-match"),
            ("RUST_LOG", ""),
        ] {
            environment.set(name, value);
        }
        let no_index = self.account_setting("PIP_NO_INDEX").is_some_and(|value| value != "0" && value != "false");
        for list in lists {
            let mut install = vec![uv.clone().into_os_string()];
            install.extend(words(["pip", "install", "--python"]));
            install.push(self.folder("root/bin/python").into());
            if no_index {
                install.push("--no-index".into());
            }
            install.extend(list);
            let environment = environment.clone().into();
            self.run(Task { environment, ..self.task(install, &self.folder("source")) }).await?;
        }
        // uv's own lock of the environment stays behind.
        let lock = self.folder("root/.lock");
        remove_tree(&lock).map_err(ReleaseError::disk("remove", &lock))
    }
}

/// Tells whether uv understands what is meant for pip.
fn can_be_given(pip: &[String]) -> bool {
    pip.iter().filter(|word| word.starts_with('-')).all(|word| SHARED.contains(&word.split('=').next().unwrap_or(word)))
}

#[cfg(test)]
mod tests {
    use super::can_be_given;

    #[test]
    fn options_that_pip_alone_has_are_left_to_pip() {
        let given = |words: &[&str]| can_be_given(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert!(given(&[".", "-r", "more.txt", "--find-links=wheels", "--no-index"]));
        assert!(!given(&["--use-feature=fast-deps", "."]));
        assert!(!given(&["-e", "."]));
    }
}
