//! Business lines, SKUs, plugins, secrets, API keys, audit.

use crate::domain::catalogue::{ApiKey, Audit, Business, PluginVersion, Sku};
use crate::domain::ids::{BusinessCode, Digest, Millis, SkuId};
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::rows::catalogue;
use crate::store::sql::{Reader, Sql, sql};

sql! {
    REVISION = Sql::both("catalogue revision", "SELECT revision FROM catalogue_revision WHERE id = 1");
    BUSINESSES = Sql::both("businesses", format!(
        "SELECT {} FROM businesses AS t ORDER BY code", catalogue::BUSINESSES.list("t.")));
    BUSINESS = Sql::both("business", format!(
        "SELECT {} FROM businesses AS t WHERE code = $1", catalogue::BUSINESSES.list("t.")));
    SKUS_OF = Sql::both("skus of a business", format!(
        "SELECT {} FROM skus AS t WHERE business = $1 AND sku > $2 ORDER BY sku LIMIT $3", catalogue::SKUS.list("t.")));
    SKU = Sql::both("sku", format!(
        "SELECT {} FROM skus AS t WHERE business = $1 AND sku = $2", catalogue::SKUS.list("t.")));
    PLUGINS_OF = Sql::both("plugins of a business", format!(
        "SELECT {} FROM plugins AS t WHERE business = $1 ORDER BY uploaded_at, digest", catalogue::PLUGINS.list("t.")));
    COMPONENT = Sql::both("component", "SELECT component FROM plugins WHERE digest = $1 LIMIT 1");
    SECRET = Sql::both("secret", "SELECT sealed FROM secrets WHERE business = $1 AND name = $2");
    SECRET_NAMES = Sql::both("names of secrets", "SELECT name FROM secrets WHERE business = $1 ORDER BY name");
    API_KEY = Sql::both("api key", format!(
        "SELECT {} FROM api_keys AS t WHERE id = $1 AND revoked_at IS NULL", catalogue::API_KEYS.list("t.")));
    API_KEYS = Sql::both("api keys", format!(
        "SELECT {} FROM api_keys AS t WHERE revoked_at IS NULL ORDER BY created_at, id", catalogue::API_KEYS.list("t.")));
    AUDIT = Sql::both("audit", format!(
        "SELECT {} FROM audit AS t WHERE at < $1 ORDER BY at DESC, n DESC LIMIT $2", catalogue::AUDIT.list("t.")));
}

impl Store {
    /// Counts every write to lines, SKUs, plugins and secrets.
    pub async fn catalogue_revision(&self) -> Result<i64, StoreError> {
        self.readers().fetch(&REVISION, &[]).await?.first().ok_or(StoreError::Lost)?.int(0)
    }

    /// All business lines by code.
    pub async fn businesses(&self) -> Result<Vec<Business>, StoreError> {
        let rows = self.readers().fetch(&BUSINESSES, &[]).await?;
        rows.iter().map(|row| catalogue::take_business(&mut Reader::new(row, &catalogue::BUSINESSES))).collect()
    }

    /// One business line.
    pub async fn business(&self, code: &BusinessCode) -> Result<Option<Business>, StoreError> {
        let rows = self.readers().fetch(&BUSINESS, &[code.as_str().into()]).await?;
        rows.first().map(|row| catalogue::take_business(&mut Reader::new(row, &catalogue::BUSINESSES))).transpose()
    }

    /// SKUs of a line in the order of their codes, after `after`.
    pub async fn skus(
        &self,
        business: &BusinessCode,
        after: Option<&SkuId>,
        limit: u32,
    ) -> Result<Vec<Sku>, StoreError> {
        let after = after.map_or("", SkuId::as_str);
        let values = [business.as_str().into(), after.into(), i64::from(limit).into()];
        let rows = self.readers().fetch(&SKUS_OF, &values).await?;
        rows.iter().map(|row| catalogue::take_sku(&mut Reader::new(row, &catalogue::SKUS))).collect()
    }

    /// One SKU.
    pub async fn sku(&self, business: &BusinessCode, sku: &SkuId) -> Result<Option<Sku>, StoreError> {
        let rows = self.readers().fetch(&SKU, &[business.as_str().into(), sku.as_str().into()]).await?;
        rows.first().map(|row| catalogue::take_sku(&mut Reader::new(row, &catalogue::SKUS))).transpose()
    }

    /// The plugin versions of a line, oldest first.
    pub async fn plugins(&self, business: &BusinessCode) -> Result<Vec<PluginVersion>, StoreError> {
        let rows = self.readers().fetch(&PLUGINS_OF, &[business.as_str().into()]).await?;
        rows.iter().map(|row| catalogue::take_plugin(&mut Reader::new(row, &catalogue::PLUGINS))).collect()
    }

    /// The bytes of a component.
    pub async fn component(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let rows = self.readers().fetch(&COMPONENT, &[digest.0.as_slice().into()]).await?;
        rows.first().map(|row| row.bytes(0)).transpose()
    }

    /// A sealed secret.
    pub async fn secret(&self, business: &BusinessCode, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let rows = self.readers().fetch(&SECRET, &[business.as_str().into(), name.into()]).await?;
        rows.first().map(|row| row.bytes(0)).transpose()
    }

    /// The names of a line's secrets.
    pub async fn secret_names(&self, business: &BusinessCode) -> Result<Vec<String>, StoreError> {
        let rows = self.readers().fetch(&SECRET_NAMES, &[business.as_str().into()]).await?;
        rows.iter().map(|row| row.text(0)).collect()
    }

    /// An API key that was not revoked; whether it has ended is the caller's to see.
    pub async fn api_key(&self, id: &str) -> Result<Option<ApiKey>, StoreError> {
        let rows = self.readers().fetch(&API_KEY, &[id.into()]).await?;
        rows.first().map(|row| catalogue::take_api_key(&mut Reader::new(row, &catalogue::API_KEYS))).transpose()
    }

    /// All API keys that were not revoked.
    pub async fn api_keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        let rows = self.readers().fetch(&API_KEYS, &[]).await?;
        rows.iter().map(|row| catalogue::take_api_key(&mut Reader::new(row, &catalogue::API_KEYS))).collect()
    }

    /// What operators did before a time, newest first.
    pub async fn audit(&self, before: Millis, limit: u32) -> Result<Vec<Audit>, StoreError> {
        let rows = self.readers().fetch(&AUDIT, &[before.into(), i64::from(limit).into()]).await?;
        rows.iter().map(|row| catalogue::take_audit(&mut Reader::new(row, &catalogue::AUDIT))).collect()
    }
}
