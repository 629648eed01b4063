use super::error::Error;
use super::workspace::{Invocation, Workspace};
use crate::model::{Environment, ProductId};
use crate::plan::Plan;

/// What most call the environment that matters.
const USUAL: &str = "production";

/// Names the environment of a configuration that is begun: as usual, or after the product where another one has that already.
///
/// # Errors
///
/// When the state folder cannot be read, or the product's name is none for an environment.
pub fn usual_environment(invocation: &Invocation, product: &str) -> Result<Environment, Error> {
    let usual = Environment::new(USUAL).map_err(Error::usage)?;
    match invocation.rollouts()?.product_of(&usual)? {
        Some((_, theirs)) if theirs.name != product => {
            Environment::new(&format!("{product}-{USUAL}")).map_err(Error::usage)
        }
        _ => Ok(usual),
    }
}

impl Workspace {
    /// Says which product the configuration is of.
    pub(super) fn product(&self) -> ProductId {
        let (product, target) = (&self.config().product, &self.config().target);
        let link = format!("{}/{}", target.root.as_str().trim_end_matches('/'), target.current.as_str());
        let repository = product.repository.as_path().display().to_string();
        let login = || {
            let user = target.user.as_ref().map_or("ssh's own choice", |user| user.as_str());
            [&[user.to_owned()], target.r#become.as_slice()].concat().join(" ")
        };
        let login = (!target.root.as_path().is_absolute()).then(login);
        ProductId { name: product.name.as_str().to_owned(), repository, link, login }
    }

    /// Refuses to go on with a rollout by a configuration that means another link on the hosts than the one that it switches.
    ///
    /// Nothing of it would be found there, and what it would lead back there was never anywhere else.
    ///
    /// # Errors
    ///
    /// When it does.
    pub(super) fn refuse_another_link(&self, plan: &Plan) -> Result<(), Error> {
        let mine = self.product();
        let Some(theirs) = &plan.product else { return Ok(()) };
        let (before, now, keys) = match (&theirs.login, &mine.login) {
            _ if theirs.link != mine.link => (theirs.link.clone(), mine.link.clone(), "target.root and target.current"),
            // The same path below another's login folder.
            (Some(before), Some(now)) if before != now => {
                let of = |login: &str| format!("{} of {login}", mine.link);
                (of(before), of(now), "target.user and target.become")
            }
            _ => return Ok(()),
        };
        let rollout = &plan.rollout;
        let message = format!("rollout {rollout} switches {before} on its hosts, and the configuration says {now} now");
        Err(Error::usage(message)
            .hint(format!("nothing was changed: put {keys} back until it is over, or name the configuration that it began with: -c FILE")))
    }

    /// Refuses an environment that is another product's in this state folder.
    ///
    /// History, verdicts, debt, locks and freezes are found by its name alone: one product would catch its hosts up with what the other
    /// finalized.
    ///
    /// # Errors
    ///
    /// When it is, or when the folder of the rollouts cannot be read.
    pub(super) fn refuse_that_of_another_product(&self, environment: &Environment) -> Result<(), Error> {
        let mine = self.product();
        let Some((rollout, theirs)) = self.rollouts().product_of(environment)? else {
            return Ok(());
        };
        if !mine.is_another_than(&theirs) {
            return Ok(());
        }
        let (folder, name) = (self.state_dir.display(), &theirs.name);
        let message =
            format!("{environment} in {folder} is the environment of {name}, another product than {}", mine.name);
        Err(Error::usage(message)
            .hint(format!("rollout {rollout} installed {name} there, as {}", theirs.link))
            .hint(format!(
                "name this one otherwise, such as environments.{}-{environment}, or keep its state elsewhere: --state-dir DIR, or COALMINE_STATE_DIR",
                mine.name
            )))
    }
}
